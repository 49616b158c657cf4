import CNghttp2
import Primitives

/// The fields of one message as they are decoded. nghttp2 has seen to it that they are well-formed as RFC 9113, 8.2 and
/// 8.3 want it: legal bytes, lower case, pseudo fields first and once each, none that belongs to a connection.
struct HTTP2HeaderBlock {
    /// Names, values and 32 bytes for each field.
    private let maximum: Int
    private(set) var size = 0
    /// There were more; they are not kept.
    private(set) var isTooLarge = false
    private var method = ""
    private var scheme: String?
    private var authority: String?
    private var path: String?
    private var status = 0
    /// A value began or ended with white space, which RFC 9113, 8.2.1, forbids.
    private var hasPaddedValue = false
    private(set) var fields: HTTPFields = [:]

    init(maximum: Int = 0) { self.maximum = maximum }

    mutating func append(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        size += name.count + value.count + 32
        isTooLarge = isTooLarge || size > maximum
        guard !isTooLarge else { return }
        hasPaddedValue = unsafe hasPaddedValue || Self.isSpace(value.first) || Self.isSpace(value.last)
        if let first = unsafe name.first, first == UInt8(ascii: ":") {
            unsafe setPseudo(name, String(decoding: value, as: UTF8.self))
        } else if let name = unsafe HTTPField.Name(wire: name.span) {
            unsafe fields.append(HTTPField(name: name, value: value))
        }
    }

    private static func isSpace(_ byte: UInt8?) -> Bool { byte == 0x20 || byte == 0x09 }

    /// Agents may have a secret with white space around it in their configuration, and always got in with it: their
    /// metadata are trimmed. Nobody else may send any.
    private var isWellFormed: Bool {
        !hasPaddedValue || fields[.contentType].map { Self.isGRPC($0.utf8) } ?? false
    }

    private static func isGRPC(_ type: String.UTF8View) -> Bool {
        let name = "application/grpc".utf8
        guard type.starts(with: name) else { return false }
        switch type.dropFirst(name.count).first {
        case nil, UInt8(ascii: "+"), UInt8(ascii: ";"), UInt8(ascii: " "), UInt8(ascii: "\t"): return true
        default: return false
        }
    }

    /// nghttp2 lets those pass that the kind of message may have, so that length and second letter tell which it is.
    private mutating func setPseudo(_ name: UnsafeBufferPointer<UInt8>, _ value: String) {
        guard name.count > 2 else { return }
        switch unsafe (name.count, name[1], name[2]) {
        case (7, UInt8(ascii: "m"), _): method = value
        case (7, UInt8(ascii: "s"), UInt8(ascii: "c")): scheme = value
        case (10, UInt8(ascii: "a"), _): authority = value
        case (5, UInt8(ascii: "p"), _): path = value
        case (7, UInt8(ascii: "s"), _): status = value.utf8.reduce(0) { $0 * 10 + Int($1) - 48 }
        default: break
        }
    }

    /// Why a request is not carried out.
    enum Refusal: Error {
        case answer(HTTPResponse.Status)
        /// It breaks the rules of HTTP/2, and its stream is reset.
        case malformed
    }

    /// The request. Its `Host` becomes the authority.
    func request() -> Result<HTTPRequest, Refusal> {
        guard !isTooLarge else { return .failure(.answer(.requestHeaderFieldsTooLarge)) }
        guard isWellFormed else { return .failure(.malformed) }
        guard let method = HTTPRequest.Method(method) else { return .failure(.answer(.badRequest)) }
        guard method != .connect else { return .failure(.answer(.notImplemented)) }
        var fields = fields
        let host = fields[.host]
        if host != nil { fields[.host] = nil }
        guard let scheme, scheme.utf8.isSame(as: "http".utf8) || scheme.utf8.isSame(as: "https".utf8),
            let path, path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return .failure(.answer(.badRequest)) }
        guard let authority = authority ?? host, Authority.isValid(authority.utf8),
            host?.utf8.isSame(as: authority.utf8) ?? true
        else { return .failure(.answer(.badRequest)) }
        return .success(
            HTTPRequest(method: method, scheme: scheme, authority: authority, path: path, headerFields: fields))
    }

    func response() -> HTTPResponse { HTTPResponse(status: .init(code: status), headerFields: fields) }

    static func pseudoFields(of request: HTTPRequest) -> [(String, String)] {
        [
            (":method", request.method.rawValue), (":scheme", request.scheme ?? "http"),
            (":authority", request.authority ?? ""), (":path", request.path ?? "/"),
        ].filter { !$1.isEmpty }
    }
}

extension String.UTF8View {
    /// Whether both are the same but for the case of their ASCII letters.
    fileprivate func isSame(as other: String.UTF8View) -> Bool {
        count == other.count && zip(self, other).allSatisfy { $0.asciiLowercased == $1.asciiLowercased }
    }
}

/// Lends fields as nghttp2's array for one call: one buffer holds all names and values, which nghttp2 copies. Fields
/// that belong to a connection of HTTP/1 are left out.
func withNameValues(
    _ pseudo: [(String, String)], _ fields: HTTPFields, _ body: (UnsafeMutableBufferPointer<nghttp2_nv>) -> Void
) {
    var text: [UInt8] = []
    var lengths: [(name: Int, value: Int)] = []
    lengths.reserveCapacity(pseudo.count + fields.count)
    func add(_ name: String, _ value: String) {
        text += name.utf8
        text += value.utf8
        lengths.append((name.utf8.count, value.utf8.count))
    }
    for (name, value) in pseudo { add(name, value) }
    for field in fields where !field.name.belongsToConnection { add(field.name.canonicalName, field.value) }
    unsafe text.withUnsafeMutableBufferPointer { text in
        unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: lengths.count) { list in
            var next = text.baseAddress
            for (index, length) in lengths.enumerated() {
                let pair = unsafe nghttp2_nv(
                    name: next, value: next.map { unsafe $0 + length.name }, namelen: length.name,
                    valuelen: length.value, flags: 0)
                unsafe list.initializeElement(at: index, to: pair)
                unsafe next = next.map { unsafe $0 + length.name + length.value }
            }
            unsafe body(list)
        }
    }
}

extension HTTPField.Name {
    fileprivate var belongsToConnection: Bool {
        self == .connection || self == .transferEncoding || self == .keepAlive || self == .upgrade
            || self == .proxyConnection
    }
}
