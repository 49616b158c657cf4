import Transport

/// Reads the one response of a connection to which one request was sent (RFC 9112). A value; bytes come in any pieces.
struct HTTP1ResponseReader: Sendable {
    private enum State {
        case statusLine
        case fields
        case body(HTTP1BodyReader)
        case ended
        /// Behind a 101: what comes is no HTTP.
        case switched
    }

    /// Bytes of the body that are kept.
    private let bodyLimit: Int
    /// Whether the request was `HEAD`, whose answer has no body whatever its fields say.
    private let isForHead: Bool
    /// Whether the request offered a protocol to switch to.
    private let mayBeSwitched: Bool
    private let maximumHead: Int
    private var state = State.statusLine
    private var lines: HTTP1Lines
    private(set) var response = HTTPResponse(status: .ok)
    /// The beginning of the body; what is above the limit is read past.
    private(set) var body: [UInt8] = []

    init(bodyLimit: Int, maximumHead: Int = 64 << 10, isForHead: Bool = false, mayBeSwitched: Bool = false) {
        self.isForHead = isForHead
        self.mayBeSwitched = mayBeSwitched
        self.bodyLimit = bodyLimit
        self.maximumHead = maximumHead
        lines = HTTP1Lines(limit: maximumHead)
    }

    var hasEnded: Bool { if case .ended = state { true } else { false } }

    /// Whether the head of the response that counts is there.
    var hasHead: Bool {
        switch state {
        case .body, .ended, .switched: true
        case .statusLine, .fields: false
        }
    }

    /// Whether the service speaks the protocol that it was asked for from here on.
    var isSwitched: Bool { if case .switched = state { true } else { false } }

    /// What came of the body, or of the other protocol, since the last time.
    mutating func takeBody() -> [UInt8] {
        defer { body = [] }
        return body
    }

    /// The service has ended its side.
    /// - Throws: when the response is not whole.
    mutating func end() throws(HTTP1Fault) {
        switch state {
        case .ended: break
        case .body(let reader) where reader.mayEndHere: state = .ended
        default: throw .malformed
        }
    }

    mutating func receive(_ bytes: Span<UInt8>) throws(HTTP1Fault) {
        var position = 0
        while position < bytes.count || hasEndedBody {
            switch state {
            case .ended: return
            case .switched:
                // Of the other protocol nothing may be lost; the caller takes it away as it comes.
                body.append(bytes.extracting(position...))
                return
            case .statusLine, .fields: try readHead(bytes, at: &position)
            case .body(var reader):
                let event = try reader.next(in: bytes, at: &position)
                state = .body(reader)
                switch event {
                case nil: break
                case .bytes(let range): keep(bytes.extracting(range))
                case .end: state = .ended
                }
            }
        }
    }

    /// A body without bytes ends without any.
    private var hasEndedBody: Bool { if case .body(let reader) = state { reader.hasEnded } else { false } }

    private mutating func keep(_ piece: Span<UInt8>) {
        body.append(piece.extracting(first: max(0, bodyLimit - body.count)))
    }

    private mutating func readHead(_ bytes: Span<UInt8>, at position: inout Int) throws(HTTP1Fault) {
        switch try lines.next(in: bytes, at: &position) {
        case nil: break
        case .inside(let range): try take(line: bytes.extracting(range))
        case .held:
            let line = lines.held
            lines.release()
            try take(line: line.span)
        }
    }

    private mutating func take(line: Span<UInt8>) throws(HTTP1Fault) {
        if case .statusLine = state {
            response = HTTPResponse(status: try Self.status(line))
            state = .fields
        } else if line.isEmpty {
            try endHead()
        } else {
            guard response.headerFields.count < HTTP1FieldLine.maximumCount else { throw .tooLarge }
            response.headerFields.append(try HTTP1FieldLine.parse(line))
        }
    }

    /// `HTTP/1.1 200 OK`; the words may be missing. For codes that are known their own words count.
    private static func status(_ line: Span<UInt8>) throws(HTTP1Fault) -> HTTPResponse.Status {
        let version: StaticString = "HTTP/1."
        let versionCount = version.utf8CodeUnitCount
        guard line.count >= versionCount + 5, line.extracting(first: versionCount).starts(with: version),
            line[versionCount] == UInt8(ascii: "0") || line[versionCount] == UInt8(ascii: "1"),
            line[versionCount + 1] == UInt8(ascii: " ")
        else { throw .malformed }
        let start = versionCount + 2
        var code = 0
        for position in start..<start + 3 {
            guard line[position] &- 0x30 < 10 else { throw .malformed }
            code = code * 10 + Int(line[position] - 0x30)
        }
        guard line.count == start + 3 || line[start + 3] == UInt8(ascii: " ") else { throw .malformed }
        guard (100...999).contains(code) else { throw .malformed }
        let known = HTTPResponse.Status(code: code)
        guard known.reasonPhrase.isEmpty, line.count > start + 4 else { return known }
        return HTTPResponse.Status(code: code, reasonPhrase: String(line.extracting((start + 4)...)))
    }

    private mutating func endHead() throws(HTTP1Fault) {
        let (code, fields) = (response.status.code, response.headerFields)
        if (100..<200).contains(code) {
            // It comes before the one that counts, except for the last word of HTTP, if that was asked for.
            guard code != 101 || mayBeSwitched else { throw .malformed }
            state = code == 101 ? .switched : .statusLine
            return
        }
        let length = isForHead ? .fixed(0) : try Self.bodyLength(code, fields)
        state = .body(HTTP1BodyReader(length, maximumTrailers: maximumHead))
    }

    private static func bodyLength(
        _ code: Int, _ fields: HTTPFields
    ) throws(HTTP1Fault) -> HTTP1BodyReader.Length {
        if code == 204 || code == 304 { return .fixed(0) }
        let codings = fields[values: .transferEncoding]
        if !codings.isEmpty {
            guard codings.count == 1, Token.matches(codings[0].utf8, "chunked") else { throw .notImplemented }
            return .chunked
        }
        let lengths = fields[values: .contentLength]
        guard let first = lengths.first else { return .untilEnd }
        guard lengths.allSatisfy({ $0.utf8.elementsEqual(first.utf8) }),
            let length = HTTP1HeadRules.length(first.utf8)
        else { throw .malformed }
        return .fixed(length)
    }
}

extension Span<UInt8> {
    fileprivate func starts(with text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { text in
            for position in text.indices where unsafe self[position] != text[position] { return false }
            return true
        }
    }
}
