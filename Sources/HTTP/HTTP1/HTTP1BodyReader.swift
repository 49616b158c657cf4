import Primitives

/// Reads one body of HTTP/1 (RFC 9112 6, 7) out of bytes that come in any pieces: a pure state machine that copies
/// nothing.
struct HTTP1BodyReader: Sendable {
    /// How the end of a body is told.
    enum Length: Sendable, Hashable {
        case fixed(Int64)
        case chunked
        /// The connection ends with it: some responses only.
        case untilEnd
    }

    enum Event: Equatable {
        /// Bytes of the body, never none.
        case bytes(Range<Int>)
        case end
    }

    private enum State {
        case fixed(left: Int64)
        case untilEnd
        case chunkSize(Int64, digits: Int)
        /// White space after a size, which only a semicolon may follow.
        case afterSize(Int64)
        case chunkExtension(Int64)
        case chunkSizeEnd(Int64)
        case chunk(left: Int64)
        case chunkEnd
        case chunkLineEnd
        case trailers
        case ended
    }

    /// Bytes of all chunk extensions of a body: nobody uses them, and without a bound they would be a body of their own.
    private static let maximumExtensions = 16 * 1024
    private static let maximumSizeDigits = 32

    private var state: State
    private var extensions = 0
    private var trailerLines: HTTP1Lines
    /// Fields after a chunked body. They are kept apart, for what they say must not be taken for what the head says.
    private(set) var trailers = HTTPFields()

    init(_ length: Length, maximumTrailers: Int) {
        state =
            switch length {
            case .fixed(0): .ended
            case .fixed(let count): .fixed(left: count)
            case .chunked: .chunkSize(0, digits: 0)
            case .untilEnd: .untilEnd
            }
        trailerLines = HTTP1Lines(limit: maximumTrailers)
    }

    var hasEnded: Bool { if case .ended = state { true } else { false } }

    /// Whether the sender may end the connection here without breaking the body.
    var mayEndHere: Bool { if case .untilEnd = state { true } else { hasEnded } }

    /// - Returns: `nil` when more bytes are needed; ``Event/end`` again and again once the body has ended.
    mutating func next(in bytes: Span<UInt8>, at position: inout Int) throws(HTTP1Fault) -> Event? {
        while true {
            if case .ended = state { return .end }
            guard position < bytes.count else { return nil }
            switch state {
            case .fixed(let left):
                let range = take(left, of: bytes, at: &position)
                state = Int64(range.count) == left ? .ended : .fixed(left: left - Int64(range.count))
                return .bytes(range)
            case .chunk(let left):
                let range = take(left, of: bytes, at: &position)
                state = Int64(range.count) == left ? .chunkEnd : .chunk(left: left - Int64(range.count))
                return .bytes(range)
            case .untilEnd:
                defer { position = bytes.count }
                return .bytes(position..<bytes.count)
            case .trailers: try readTrailer(in: bytes, at: &position)
            default:
                try step(bytes[position])
                position += 1
            }
        }
    }

    private func take(_ left: Int64, of bytes: Span<UInt8>, at position: inout Int) -> Range<Int> {
        let count = Int(min(left, Int64(bytes.count - position)))
        defer { position += count }
        return position..<position + count
    }

    /// One byte of what stands around chunks.
    private mutating func step(_ byte: UInt8) throws(HTTP1Fault) {
        switch state {
        case .chunkSize(let size, let digits): try readSize(size, digits, byte)
        case .afterSize(let size):
            guard byte == UInt8(ascii: ";") else { return try skipExtension(byte, mustBeSpace: true) }
            state = .chunkExtension(size)
        case .chunkExtension(let size):
            if byte == 0x0D { state = .chunkSizeEnd(size) } else { try skipExtension(byte, mustBeSpace: false) }
        case .chunkSizeEnd(let size):
            guard byte == 0x0A else { throw .malformed }
            state = size == 0 ? .trailers : .chunk(left: size)
        case .chunkEnd:
            guard byte == 0x0D else { throw .malformed }
            state = .chunkLineEnd
        case .chunkLineEnd:
            guard byte == 0x0A else { throw .malformed }
            state = .chunkSize(0, digits: 0)
        case .fixed, .untilEnd, .chunk, .trailers, .ended: break
        }
    }

    private mutating func readSize(_ size: Int64, _ digits: Int, _ byte: UInt8) throws(HTTP1Fault) {
        if let digit = HexDigit.value(byte) {
            let (product, overflows) = size.multipliedReportingOverflow(by: 16)
            guard !overflows, digits < Self.maximumSizeDigits else { throw .malformed }
            state = .chunkSize(product + Int64(digit), digits: digits + 1)
            return
        }
        guard digits > 0 else { throw .malformed }
        switch byte {
        case 0x0D: state = .chunkSizeEnd(size)
        case UInt8(ascii: ";"): state = .chunkExtension(size)
        case 0x20, 0x09: state = .afterSize(size)
        default: throw .malformed
        }
    }

    private mutating func skipExtension(_ byte: UInt8, mustBeSpace: Bool) throws(HTTP1Fault) {
        let isSpace = byte == 0x20 || byte == 0x09
        guard isSpace || !mustBeSpace && byte > 0x20 && byte != 0x7F else { throw .malformed }
        extensions += 1
        if extensions > Self.maximumExtensions { throw .tooLarge }
    }

    private mutating func readTrailer(in bytes: Span<UInt8>, at position: inout Int) throws(HTTP1Fault) {
        switch try trailerLines.next(in: bytes, at: &position) {
        case nil: break
        case .inside(let range): try readTrailer(bytes.extracting(range))
        case .held:
            let line = trailerLines.held
            trailerLines.release()
            try readTrailer(line.span)
        }
    }

    private mutating func readTrailer(_ line: Span<UInt8>) throws(HTTP1Fault) {
        guard !line.isEmpty else {
            state = .ended
            return
        }
        guard trailers.count < HTTP1FieldLine.maximumCount else { throw .tooLarge }
        trailers.append(try HTTP1FieldLine.parse(line))
    }
}
