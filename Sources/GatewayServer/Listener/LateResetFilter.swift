import NIOCore

/// Finds resets of HTTP/2 streams that the server has ended already, in the bytes of a connection.
///
/// A gRPC client that could have said more when the server ended its call resets the stream; Go's and C++'s do. The
/// HTTP/2 library counts every reset as an attack and closes the connection at 200 in half a minute, so an agent would
/// lose all its calls because its users closed many short streams. To the server such a reset is no more than the end
/// of the client's half, and is passed on as that: an empty DATA frame that ends the stream. A reset of a call that the
/// server still works on stays what it is, and counts.
///
/// A value without a channel; ``LateResetHandler`` feeds it.
struct LateResetFilter {
    /// Streams known to be ended by one side, at most; more are let through as they are. HTTP/2 settings allow fewer.
    static let capacity = 1024

    private static let prefaceLength = 24
    private static let headerLength = 9
    private static let resetLength = 13

    private struct Header {
        var length: Int
        var kind: UInt8
        var endsStream: Bool
        var stream: UInt32

        /// DATA and HEADERS carry the flag; in others the bit means something else.
        init?(_ buffer: ByteBuffer, at index: Int) {
            guard let first = buffer.getInteger(at: index, as: UInt32.self),
                let flags = buffer.getInteger(at: index + 4, as: UInt8.self),
                let stream = buffer.getInteger(at: index + 5, as: UInt32.self)
            else { return nil }
            length = Int(first >> 8)
            kind = UInt8(truncatingIfNeeded: first)
            endsStream = kind <= 1 && flags & 1 != 0
            self.stream = stream & 0x7FFF_FFFF
        }

        var isReset: Bool { kind == 3 }
    }

    /// Bytes of the client that are no frame header: the preface, then what is left of a payload.
    private var inboundSkip = LateResetFilter.prefaceLength
    /// The beginning of a frame of the client.
    private var inboundHeld = ByteBuffer()
    private var outboundSkip = 0
    private var outboundHeld = ByteBuffer()
    /// The server has ended them, the client has not.
    private var endedHere: Set<UInt32> = []
    /// The client has ended them, the server has not.
    private var endedThere: Set<UInt32> = []

    var count: Int { endedHere.count + endedThere.count }

    /// Looks at what the server sends.
    mutating func sent(_ bytes: ByteBuffer) {
        let buffer = Self.join(&outboundHeld, bytes)
        var place = buffer.readerIndex
        while Self.skip(&outboundSkip, &place, in: buffer) {
            guard let header = Header(buffer, at: place) else {
                outboundHeld = buffer.getSlice(at: place, length: buffer.writerIndex - place) ?? ByteBuffer()
                return
            }
            if header.isReset {
                forget(header.stream)
            } else if header.endsStream, endedThere.remove(header.stream) == nil, count < Self.capacity {
                endedHere.insert(header.stream)
            }
            place += Self.headerLength
            outboundSkip = header.length
        }
    }

    /// - Parameter bytes: what the client sent.
    /// - Returns: what to pass on instead; the beginning of a frame is held back until its rest comes.
    mutating func received(_ bytes: ByteBuffer) -> ByteBuffer {
        let buffer = Self.join(&inboundHeld, bytes)
        var changed: ByteBuffer?
        var (start, place) = (buffer.readerIndex, buffer.readerIndex)
        while Self.skip(&inboundSkip, &place, in: buffer) {
            guard let header = Header(buffer, at: place),
                !header.isReset || buffer.writerIndex - place >= Self.resetLength
            else {
                inboundHeld = buffer.getSlice(at: place, length: buffer.writerIndex - place) ?? ByteBuffer()
                break
            }
            if header.isReset, header.length == 4, endedHere.contains(header.stream) {
                var passed = changed ?? ByteBuffer()
                passed.writeImmutableBuffer(buffer.getSlice(at: start, length: place - start) ?? ByteBuffer())
                // Length 0, DATA, END_STREAM.
                passed.writeBytes([0, 0, 0, 0, 1])
                passed.writeInteger(header.stream)
                changed = passed
                endedHere.remove(header.stream)
                place += Self.resetLength
                start = place
                continue
            }
            if header.isReset {
                forget(header.stream)
            } else if header.endsStream, endedHere.remove(header.stream) == nil, count < Self.capacity {
                endedThere.insert(header.stream)
            }
            place += Self.headerLength
            inboundSkip = header.length
        }
        let rest = buffer.getSlice(at: start, length: place - start) ?? ByteBuffer()
        guard var changed else { return rest }
        changed.writeImmutableBuffer(rest)
        return changed
    }

    private mutating func forget(_ stream: UInt32) {
        endedHere.remove(stream)
        endedThere.remove(stream)
    }

    private static func join(_ held: inout ByteBuffer, _ bytes: ByteBuffer) -> ByteBuffer {
        guard held.readableBytes > 0 else { return bytes }
        var joined = held
        joined.writeImmutableBuffer(bytes)
        held = ByteBuffer()
        return joined
    }

    /// - Returns: whether a frame may begin at `place`; `false` at the end of the buffer.
    private static func skip(_ left: inout Int, _ place: inout Int, in buffer: ByteBuffer) -> Bool {
        let step = min(left, buffer.writerIndex - place)
        left -= step
        place += step
        return place < buffer.writerIndex
    }
}

/// Stands before the HTTP/2 handler of a connection and applies a ``LateResetFilter``.
final class LateResetHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private var filter = LateResetFilter()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let passed = filter.received(unwrapInboundIn(data))
        if passed.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(passed)) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // HTTP/2 writes no files.
        if case .byteBuffer(let bytes) = unwrapOutboundIn(data) { filter.sent(bytes) }
        context.write(data, promise: promise)
    }
}
