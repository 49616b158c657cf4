/// The heads that are sent over HTTP/1.
struct HTTP1ResponseHead {
    /// How the client is told where the body ends.
    enum Length: Equatable {
        /// There is none, and no word of it: 204, 304, and `HEAD` where it is not known.
        case none
        case fixed(Int64)
        case chunked
        /// With the connection.
        case untilEnd
    }

    enum Connection {
        /// As HTTP/1.1 does without a word.
        case goesOn
        /// HTTP/1.0, which wants to hear it.
        case keepsAlive
        case ends
    }

    static let interim = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    /// - Parameter head: its fields of framing, and `Date`, are replaced by ours.
    static func encode(
        _ head: HTTPResponse, length: Length, connection: Connection, date: String, into bytes: inout [UInt8]
    ) {
        if bytes.isEmpty { bytes.reserveCapacity(room(for: head, length)) }
        bytes += head.status.line
        for field in head.headerFields {
            switch field.name {
            case .date, .transferEncoding: continue
            case .contentLength: if length != .none { continue }
            case .connection: if case .ends = connection { continue }
            default: break
            }
            append(field.name.rawName, field.value, to: &bytes)
        }
        append("Date", date, to: &bytes)
        switch connection {
        case .goesOn: break
        case .keepsAlive: append("Connection", "keep-alive", to: &bytes)
        case .ends:
            // RFC 9110 7.8: whoever says Upgrade names it here.
            append("Connection", head.headerFields.contains(.upgrade) ? "close, Upgrade" : "close", to: &bytes)
        }
        switch length {
        case .none, .untilEnd: break
        case .fixed(let count): append("Content-Length", String(count), to: &bytes)
        case .chunked: append("Transfer-Encoding", "chunked", to: &bytes)
        }
        bytes += "\r\n".utf8
    }

    /// About how much the head and a body that is sent with it take.
    private static func room(for head: HTTPResponse, _ length: Length) -> Int {
        var room = 256
        for field in head.headerFields { room += field.name.rawName.utf8.count + field.value.utf8.count + 4 }
        if case .fixed(let count) = length { room += Int(clamping: min(count, 16 * 1024)) }
        return room
    }

    /// The head of a 101, whose `Connection` is the handshake's.
    static func encodeSwitch(_ head: HTTPResponse, into bytes: inout [UInt8]) {
        bytes += head.status.line
        for field in head.headerFields { append(field.name.rawName, field.value, to: &bytes) }
        bytes += "\r\n".utf8
    }

    private static func append(_ name: String, _ value: String, to bytes: inout [UInt8]) {
        bytes += name.utf8
        bytes += ": ".utf8
        bytes += value.utf8
        bytes += "\r\n".utf8
    }
}

extension HTTPResponse.Status {
    private static let okLine = Array("HTTP/1.1 200 OK\r\n".utf8)

    fileprivate var line: [UInt8] {
        if code == 200 { return Self.okLine }
        let digits = String(code)
        return Array("HTTP/1.1 \(String(repeating: "0", count: 3 - digits.utf8.count))\(digits) \(phrase)\r\n".utf8)
    }

    /// The words on the wire: those that clients have always seen for the codes that RFC 9110 renamed; ours for unknown
    /// codes alone.
    private var phrase: String {
        switch code {
        case 413: return "Payload Too Large"
        case 422: return "Unprocessable Entity"
        default:
            let known = HTTPResponse.Status(code: code).reasonPhrase
            return known.isEmpty ? reasonPhrase : known
        }
    }

    /// Whether a response with this status never has a body, so that a length would be wrong.
    var hasNoBody: Bool { kind == .informational || code == 204 || code == 304 }
}
