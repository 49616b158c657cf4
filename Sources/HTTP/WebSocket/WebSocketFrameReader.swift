import Transport

/// Reads what the client of a WebSocket sends (RFC 6455 5), bytes in, events out: a pure state machine.
///
/// Fragments are joined as they come, so a message costs no more than its bytes, however many fragments it has; its
/// length is checked before a fragment is read. Extensions are not offered, so reserved bits are an error.
struct WebSocketFrameReader: Sendable {
    enum Event: Sendable, Equatable {
        /// Whole, and valid UTF-8 if text.
        case message(WebSocketMessage)
        case ping([UInt8])
        case pong
        /// The client closes. `nil`: it gave no code.
        case close(UInt16?)
        /// The client broke the rules: what it is to be told. From here on only its close is looked for.
        case violation(WebSocketClose)
        /// The client closes, and breaks the rules in doing so: what it is to be told.
        case badClose(WebSocketClose)
    }

    private enum State {
        case header
        case data(WebSocketFrameHeader, read: Int)
        case control(WebSocketFrameHeader)
        case skipping(Int)
        /// Where the next frame begins is not known any more.
        case lost
    }

    private let maxMessageSize: Int
    private var raw = ByteQueue()
    private var state = State.header
    private var message: [UInt8] = []
    /// Of the first fragment; `nil` between messages.
    private var messageKind: WebSocketOpcode?
    private var looksForCloseOnly = false

    init(maxMessageSize: Int) {
        self.maxMessageSize = maxMessageSize
    }

    mutating func append(_ bytes: Span<UInt8>) { raw.append(bytes) }

    /// Nothing the client sends is wanted any more but its close.
    mutating func lookForCloseOnly() {
        looksForCloseOnly = true
        message = []
        if case .data(let header, let read) = state { state = .skipping(header.length - read) }
    }

    /// - Returns: `nil` when more bytes are needed.
    mutating func next() -> Event? {
        while true {
            switch state {
            case .header:
                guard let header = WebSocketFrameHeader(reading: &raw) else { return nil }
                if let event = looksForCloseOnly ? skip(header) : begin(header) { return event }
            case .data(let header, let read):
                guard let isComplete = readData(header, read) else { return nil }
                guard isComplete else { continue }
                if let event = finishMessage() { return event }
            case .control(let header):
                guard raw.count >= header.length else { return nil }
                let bytes = Array(raw.prefix(header.length))
                raw.removeFirst(header.length)
                state = .header
                return finishControl(header.opcode, header.unmasked(bytes))
            case .skipping(let count):
                let here = min(count, raw.count)
                raw.removeFirst(here)
                state = here == count ? .header : .skipping(count - here)
                if here < count { return nil }
            case .lost:
                raw = ByteQueue()
                return nil
            }
        }
    }

    private mutating func skip(_ header: WebSocketFrameHeader) -> Event? {
        state = header.isLengthValid ? .skipping(header.length) : .lost
        return header.opcode == .close ? .close(nil) : nil
    }

    private mutating func begin(_ header: WebSocketFrameHeader) -> Event? {
        if let fault = header.fault(inMessage: messageKind != nil) {
            return violation(WebSocketClose(1002, fault), then: header.isLengthValid ? .skipping(header.length) : .lost)
        }
        guard !header.opcode.isControl else {
            state = .control(header)
            return nil
        }
        guard header.length <= maxMessageSize - message.count else {
            return violation(
                WebSocketClose(1009, "a message has at most \(maxMessageSize) bytes"), then: .skipping(header.length))
        }
        if header.opcode != .continuation { messageKind = header.opcode }
        state = .data(header, read: 0)
        return nil
    }

    /// - Returns: whether the message is complete; `nil` when more bytes are needed.
    private mutating func readData(_ header: WebSocketFrameHeader, _ read: Int) -> Bool? {
        let count = min(header.length - read, raw.count)
        if count > 0 {
            let start = message.count
            message += raw.prefix(count)
            raw.removeFirst(count)
            header.unmask(&message, from: start, offset: read)
        }
        guard read + count == header.length else {
            state = .data(header, read: read + count)
            return nil
        }
        state = .header
        return header.isFinal
    }

    private mutating func finishMessage() -> Event? {
        let bytes = message
        let kind = messageKind
        message = []
        messageKind = nil
        guard kind == .text else { return .message(.binary(bytes)) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return violation(WebSocketClose(1007, "text is not valid UTF-8"), then: .header)
        }
        return .message(.text(text))
    }

    private mutating func finishControl(_ opcode: WebSocketOpcode, _ payload: [UInt8]) -> Event {
        switch opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong
        default: break
        }
        looksForCloseOnly = true
        message = []
        guard !payload.isEmpty else { return .close(nil) }
        guard payload.count >= 2 else { return .badClose(WebSocketClose(1002, "a close code has two bytes")) }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        guard WebSocketClose.mayBeReceived(code) else { return .badClose(WebSocketClose(1002, "bad close code")) }
        guard String(validating: payload[2...], as: UTF8.self) != nil else {
            return .badClose(WebSocketClose(1007, "the close reason is not valid UTF-8"))
        }
        return .close(code)
    }

    private mutating func violation(_ close: WebSocketClose, then state: State) -> Event {
        looksForCloseOnly = true
        message = []
        messageKind = nil
        self.state = state
        return .violation(close)
    }
}
