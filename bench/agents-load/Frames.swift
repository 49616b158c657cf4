import NIOCore

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

    /// `nil` for a type that is not known and to be ignored.
    var type: FrameType?
    var flags: UInt8
    var stream: UInt32
    var payload: ByteBuffer
}

extension ByteBuffer {
    mutating func writeFrame(_ type: FrameType, flags: UInt8 = 0, stream: UInt32, _ payload: ByteBuffer) {
        let length = UInt32(payload.readableBytes)
        writeMultipleIntegers(UInt8(length >> 16), UInt16(truncatingIfNeeded: length), type.rawValue, flags, stream)
        writeImmutableBuffer(payload)
    }

    /// A message in gRPC's envelope, as one DATA frame.
    mutating func writeMessage(_ message: Message, stream: UInt32, endStream: Bool = false) {
        var payload = ByteBuffer()
        payload.writeMultipleIntegers(UInt8(0), UInt32(message.bytes.readableBytes))
        payload.writeImmutableBuffer(message.bytes)
        writeFrame(.data, flags: endStream ? Frame.endStream : 0, stream: stream, payload)
    }

    /// - Returns: `nil` when the next frame has not come whole.
    mutating func readFrame() -> Frame? {
        var rest = self
        guard
            let (high, low, type, flags, stream) = rest.readMultipleIntegers(
                as: (UInt8, UInt16, UInt8, UInt8, UInt32).self),
            let payload = rest.readSlice(length: Int(high) << 16 | Int(low))
        else { return nil }
        self = rest
        return Frame(type: FrameType(rawValue: type), flags: flags, stream: stream & 0x7fff_ffff, payload: payload)
    }

    /// - Returns: `nil` when the next message has not come whole.
    mutating func readMessage() -> ByteBuffer? {
        var rest = self
        guard let (_, length) = rest.readMultipleIntegers(as: (UInt8, UInt32).self),
            let message = rest.readSlice(length: Int(length))
        else { return nil }
        self = rest
        return message
    }
}
