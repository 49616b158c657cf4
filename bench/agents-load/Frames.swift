/// As much of HTTP/2's framing (RFC 9113, 4) as an agent needs.
enum FrameType: UInt8 {
    case data
    case headers
    case priority
    case reset
    case settings
    case pushPromise
    case ping
    case goAway
    case windowUpdate
    case continuation
}

struct Frame {
    /// Of settings and pings.
    static let ack: UInt8 = 1
    static let endStream: UInt8 = 1
    static let endHeaders: UInt8 = 4
    /// Bytes before the payload.
    static let headLength = 9

    /// `nil` for a type that is not known and to be ignored.
    var type: FrameType?
    var flags: UInt8
    var stream: UInt32
    var payload: ArraySlice<UInt8>
}

extension [UInt8] {
    /// In network order.
    mutating func write(_ number: UInt32) {
        for shift in [24, 16, 8, 0] as [UInt32] { append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    mutating func write(head type: FrameType, flags: UInt8 = 0, stream: UInt32, length: Int) {
        write(UInt32(length) << 8 | UInt32(type.rawValue))
        append(flags)
        write(stream)
    }

    mutating func write(
        frame type: FrameType, flags: UInt8 = 0, stream: UInt32, _ payload: some Collection<UInt8>
    ) {
        write(head: type, flags: flags, stream: stream, length: payload.count)
        append(contentsOf: payload)
    }

    /// A message in gRPC's envelope, as one DATA frame.
    mutating func write(message: Message, stream: UInt32, endStream: Bool = false) {
        let flags = endStream ? Frame.endStream : 0
        write(head: .data, flags: flags, stream: stream, length: message.bytes.count + 5)
        append(0)
        write(UInt32(message.bytes.count))
        append(contentsOf: message.bytes)
    }

    /// What comes after `start` as a frame; `nil` when it has not come whole.
    func frame(at start: Int) -> Frame? {
        guard count - start >= Frame.headLength else { return nil }
        let head = number(at: start)
        let payload = start + Frame.headLength
        let length = Int(head >> 8)
        guard count - payload >= length else { return nil }
        return Frame(
            type: FrameType(rawValue: UInt8(truncatingIfNeeded: head)), flags: self[start + 4],
            stream: number(at: start + 5) & 0x7fff_ffff, payload: self[payload..<payload + length])
    }

    /// Takes the next message out of its envelope; `nil` when it has not come whole.
    mutating func takeMessage() -> [UInt8]? {
        guard count >= 5 else { return nil }
        let length = Int(number(at: 1))
        guard count - 5 >= length else { return nil }
        defer { removeFirst(5 + length) }
        return [UInt8](self[5..<5 + length])
    }
}

extension RandomAccessCollection<UInt8> where Index == Int {
    /// In network order.
    func number(at start: Int) -> UInt32 { self[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) } }
}
