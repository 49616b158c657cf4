import Transport

/// What the head of a request says about it and its connection.
struct HTTP1Head: Sendable {
    var request: HTTPRequest
    var length: HTTP1BodyReader.Length
    /// HTTP/1.0: no chunks and no 100 Continue may be sent.
    var isOld: Bool
    /// Whether the client wants to go on with the connection.
    var keepsAlive: Bool
    var expectsContinue: Bool
}

/// Reads the requests of one HTTP/1 connection (RFC 9112) out of bytes that come in any pieces: strict, since what two
/// readers understand differently is how requests are smuggled.
///
/// A pure state machine. It copies nothing of bodies, and of heads only what it keeps.
struct HTTP1RequestReader: Sendable {
    enum Event {
        case head(HTTP1Head)
        /// Bytes of its body.
        case body(Range<Int>)
        case end
    }

    private enum State {
        case startLine
        case fields
        case body
    }

    private let isSecure: Bool
    private let maximumHead: Int
    private var state = State.startLine
    private var lines: HTTP1Lines
    private var line = HTTP1RequestLine()
    private var fields = HTTPFields()
    private var rules = HTTP1HeadRules()
    private var body = HTTP1BodyReader(.fixed(0), maximumTrailers: 0)
    /// The last head that came in one piece, and its bytes: most clients send the same one again and again.
    private var last: (bytes: [UInt8], head: HTTP1Head)?

    /// Bytes of a head that is kept.
    private static let keptHead = 1024

    /// - Parameter maximumHead: bytes of a head, and of the trailers of a body.
    init(isSecure: Bool, maximumHead: Int) {
        self.isSecure = isSecure
        self.maximumHead = maximumHead
        lines = HTTP1Lines(limit: maximumHead)
    }

    /// Whether bytes of a head have come whose end has not.
    var isInsideHead: Bool {
        switch state {
        case .startLine: lines.left < maximumHead
        case .fields: true
        case .body: false
        }
    }

    /// What comes next in the bytes.
    /// - Parameter position: where to go on reading; it is moved past what was read.
    /// - Returns: `nil` when more bytes are needed, all of these having been read.
    /// - Throws: when it is not known any more how to go on. Nothing may be read afterwards.
    mutating func next(in bytes: Span<UInt8>, at position: inout Int) throws(HTTP1Fault) -> Event? {
        if case .body = state {
            switch try body.next(in: bytes, at: &position) {
            case nil: return nil
            case .bytes(let range): return .body(range)
            case .end:
                state = .startLine
                return .end
            }
        }
        if let head = takeRepeated(in: bytes, at: &position) { return .head(head) }
        let start = isInsideHead ? nil : position
        while position < bytes.count {
            try checkBeginning(bytes[position])
            switch try lines.next(in: bytes, at: &position) {
            case nil: return nil
            case .inside(let range):
                guard let head = try read(bytes.extracting(range)) else { continue }
                if let start { keep(head, bytes.extracting(start..<position)) }
                return .head(head)
            case .held:
                let held = lines.held
                lines.release()
                if let head = try read(held.span) { return .head(head) }
            }
        }
        return nil
    }

    /// The last head again, where the same bytes come. Equal bytes are read equally: nothing else goes into it.
    private mutating func takeRepeated(in bytes: Span<UInt8>, at position: inout Int) -> HTTP1Head? {
        guard let last, !isInsideHead, bytes.count - position >= last.bytes.count,
            bytes.extracting(position..<position + last.bytes.count).isSame(as: last.bytes.span)
        else { return nil }
        position += last.bytes.count
        beginBody(of: last.head)
        return last.head
    }

    private mutating func keep(_ head: HTTP1Head, _ bytes: Span<UInt8>) {
        guard bytes.count <= Self.keptHead else { return last = nil }
        var copy: [UInt8] = []
        copy.append(bytes)
        last = (copy, head)
    }

    /// What is no HTTP mostly shows at its first byte, and has no line to wait for.
    private func checkBeginning(_ byte: UInt8) throws(HTTP1Fault) {
        guard case .startLine = state, lines.held.isEmpty, byte != 0x0D else { return }
        if !Token.isCharacter(byte) { throw .malformed }
    }

    /// - Returns: the head whose last line it was.
    private mutating func read(_ bytes: Span<UInt8>) throws(HTTP1Fault) -> HTTP1Head? {
        guard case .fields = state else {
            // Empty lines before a request are what old clients sent after a body (RFC 9112 2.2).
            guard !bytes.isEmpty else { return nil }
            line = try HTTP1RequestLine(bytes)
            state = .fields
            return nil
        }
        guard bytes.isEmpty else {
            guard fields.count < HTTP1FieldLine.maximumCount else { throw .tooLarge }
            let field = try HTTP1FieldLine.parse(bytes)
            if try rules.add(field) { fields.append(field) }
            return nil
        }
        let head = try rules.head(line, fields, isSecure: isSecure)
        lines = HTTP1Lines(limit: maximumHead)
        fields = HTTPFields()
        rules = HTTP1HeadRules()
        beginBody(of: head)
        return head
    }

    private mutating func beginBody(of head: HTTP1Head) {
        state = .body
        body = HTTP1BodyReader(head.length, maximumTrailers: maximumHead)
    }
}
