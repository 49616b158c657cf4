import NIOCore
import Testing

@testable import GatewayServer

@Suite("Resets of streams that are over")
struct LateResetFilterTests {
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private static func frame(_ kind: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8] = []) -> [UInt8] {
        [0, 0, UInt8(payload.count), kind, flags, 0, 0, 0, stream] + payload
    }

    private static func reset(_ stream: UInt8) -> [UInt8] { frame(3, 0, stream, [0, 0, 0, 8]) }
    private static func end(_ stream: UInt8) -> [UInt8] { frame(0, 1, stream) }
    private static func headers(_ stream: UInt8, end: Bool = false) -> [UInt8] {
        // A payload that looks like frames.
        frame(1, end ? 5 : 4, stream, reset(9) + [3])
    }

    /// A filter that saw the preface and a request.
    private static func filter(_ stream: UInt8, requestEnds: Bool = false) -> LateResetFilter {
        var filter = LateResetFilter()
        let request = preface + headers(stream, end: requestEnds)
        #expect(Array(buffer: filter.received(ByteBuffer(bytes: request))) == request)
        return filter
    }

    @Test("a reset after the server's end becomes the end of the client's half; a second one is a reset")
    func late() {
        var filter = Self.filter(1)
        filter.sent(ByteBuffer(bytes: Self.headers(1) + Self.frame(0, 0, 1, [1, 2]) + Self.headers(1, end: true)))
        #expect(filter.count == 1)
        let more = Self.headers(3)
        let all = more + Self.reset(1) + Self.reset(1) + more
        #expect(
            Array(buffer: filter.received(ByteBuffer(bytes: all))) == more + Self.end(1) + Self.reset(1) + more)
        #expect(filter.count == 0)
    }

    @Test("however the bytes are cut, both ways")
    func pieces() {
        let answer = Self.headers(1) + Self.headers(1, end: true) + Self.headers(3)
        let said = Self.headers(3) + Self.reset(1) + Self.reset(3) + Self.frame(0, 0, 5, Self.reset(1))
        let expected = Self.headers(3) + Self.end(1) + Self.reset(3) + Self.frame(0, 0, 5, Self.reset(1))
        for size in 1...said.count {
            var filter = Self.filter(1)
            for start in stride(from: 0, to: answer.count, by: size) {
                filter.sent(ByteBuffer(bytes: answer[start..<min(start + size, answer.count)]))
            }
            var passed: [UInt8] = []
            for start in stride(from: 0, to: said.count, by: size) {
                passed += Array(buffer: filter.received(ByteBuffer(bytes: said[start..<min(start + size, said.count)])))
            }
            #expect(passed == expected, "pieces of \(size)")
            #expect(filter.count == 0)
        }
    }

    @Test("Unbounded streams: a reset of a call that goes on, and of one that the server reset, stays what it is")
    func early() {
        var filter = Self.filter(1)
        filter.sent(ByteBuffer(bytes: Self.headers(1)))
        #expect(Array(buffer: filter.received(ByteBuffer(bytes: Self.reset(1)))) == Self.reset(1))
        filter.sent(ByteBuffer(bytes: Self.headers(3, end: true) + Self.reset(3)))
        #expect(Array(buffer: filter.received(ByteBuffer(bytes: Self.reset(3)))) == Self.reset(3))
        #expect(filter.count == 0)
    }

    @Test("a call that both sides ended leaves nothing behind, whoever was first")
    func ended() {
        var filter = Self.filter(1, requestEnds: true)
        filter.sent(ByteBuffer(bytes: Self.headers(1, end: true)))
        #expect(filter.count == 0)
        #expect(Array(buffer: filter.received(ByteBuffer(bytes: Self.reset(1)))) == Self.reset(1))
        filter.sent(ByteBuffer(bytes: Self.headers(3, end: true)))
        #expect(Array(buffer: filter.received(ByteBuffer(bytes: Self.end(3)))) == Self.end(3))
        #expect(filter.count == 0)
    }

    @Test("Unbounded streams: what is remembered has a limit")
    func capacity() {
        var filter = LateResetFilter()
        _ = filter.received(ByteBuffer(bytes: Self.preface))
        for stream in stride(from: UInt32(1), to: 20_001, by: 2) {
            var frame = ByteBuffer(bytes: [0, 0, 0, 0, 1])
            frame.writeInteger(stream)
            filter.sent(frame)
            #expect(filter.count <= LateResetFilter.capacity)
        }
        #expect(filter.count == LateResetFilter.capacity)
    }
}
