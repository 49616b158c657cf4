import FuzzSupport
import TestSupport
import Testing
import Transport

@testable import HTTP

/// Bytes that no peer should send. Run under the address sanitizer, too.
@Suite("Damaged HTTP/2", .serialized, .timeLimit(.minutes(5)))
struct HTTP2FuzzTests {
    typealias Wire = HTTP2Wire

    private static let valid: [[UInt8]] = [
        Wire.request(1, method: "POST", end: false), Wire.data(1, [1, 2, 3]), Wire.data(1, [4], end: true),
        Wire.request(3, "/call", method: "POST", with: [("content-length", "5")], end: false),
        Wire.data(3, Array("hello".utf8), end: true), Wire.request(5), Wire.reset(5), Wire.window(0, 1000),
        Wire.window(3, 1000), Wire.settings([(4, 100), (5, 20000)]), Wire.settings(isAcknowledgement: true),
        Wire.frame(.ping, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]), Wire.frame(.priority, 0, 7, [0, 0, 0, 1, 200]),
        Wire.frame(.headers, 0x2C, 7, [3, 0x80, 0, 0, 1, 9] + Wire.block([(":method", "GET")]) + [0, 0, 0]),
        Wire.headers(9, [(":method", "GET"), (":scheme", "http"), (":path", "/")], endsHeaders: false),
        Wire.frame(.continuation, 4, 9, Wire.block([("host", "a")])),
        Wire.frame(.goAway, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]),
        Wire.frame(.push, 4, 1, [0, 0, 0, 2]), Wire.frame(99, 7, 3, [1, 2, 3]),
        Wire.frame(16, 0, 0, [0, 0, 0, 1, 0x75]),
    ]

    /// One connection's bytes: whole frames in any order, some with bytes changed, left out or put in.
    private static func bytes(_ numbers: inout FuzzNumbers) -> [UInt8] {
        var bytes = Wire.preface
        for _ in 0..<Int.random(in: 1...20, using: &numbers) {
            var frame = valid.randomElement(using: &numbers) ?? []
            switch Int.random(in: 0...7, using: &numbers) {
            case 0: frame[Int.random(in: 0..<frame.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
            case 1: frame.removeLast(Int.random(in: 0..<frame.count, using: &numbers))
            case 2: frame.insert(UInt8.random(in: 0...255, using: &numbers), at: frame.count / 2)
            case 3: frame[3] = UInt8.random(in: 0...20, using: &numbers)
            case 4: frame[4] = UInt8.random(in: 0...255, using: &numbers)
            default: break
            }
            bytes += frame
        }
        if Bool.random(using: &numbers) { bytes[Int.random(in: 0..<bytes.count, using: &numbers)] &+= 1 }
        return bytes
    }

    @Test("connections of damaged frames, before, during and after GOAWAY, in any pieces, end well", arguments: 0..<8)
    func damaged(seed: Int) async {
        await EventLoop.shared.run { loop in
            var numbers = FuzzNumbers(seed: UInt64(seed))
            for round in 0..<150 {
                let router = NotingRouter { stream, loop in
                    stream.respond(HTTPResponse(status: .ok), on: loop)
                    stream.write(Array("answer".utf8), on: loop)
                    if stream.id % 4 == 3 { stream.end(trailers: [.via: "1"], on: loop) }
                }
                let pair = HTTP2Pair(client: nil, router: round % 2 == 0 ? router : nil, on: loop, echo)
                var rest = Self.bytes(&numbers).dropFirst(Wire.preface.count)[...]
                let shutdown = Int.random(in: 0...20, using: &numbers)
                var step = 0
                while !rest.isEmpty, !pair.transport.isClosed {
                    let piece = rest.prefix(Int.random(in: 1...(round % 3 == 0 ? 7 : 200), using: &numbers))
                    rest = rest.dropFirst(piece.count)
                    pair.send(Array(piece), on: loop)
                    if step == shutdown { pair.server.beginShutdown(on: loop) }
                    if Bool.random(using: &numbers) { await loop.turn() }
                    step += 1
                }
                await loop.turn()
                if Bool.random(using: &numbers) { pair.transport.receiveEnd(on: loop) } else { pair.close(on: loop) }
                #expect(router.all(on: loop).allSatisfy { $0.isClosed })
                while pair.server.workingForTests > 0 { await loop.turn() }
            }
        }
    }

    @Test("a client that is sent damaged frames ends well", arguments: 0..<4)
    func damagedAnswers(seed: Int) async {
        await EventLoop.shared.run { loop in
            var numbers = FuzzNumbers(seed: UInt64(seed) &+ 1000)
            for _ in 0..<150 {
                let owner = Silent()
                let transport = MemoryTransport()
                let client = HTTP2ClientConnection(over: transport, isSecure: false, owner: owner, on: loop)
                transport.attach(client)
                let request = HTTPRequest(method: .get, scheme: "http", authority: "test", path: "/")
                let answers = (0..<3).map { _ in
                    let answer = Answer()
                    answer.stream = client.open(request, handler: answer, on: loop)
                    return answer
                }
                await loop.turn()
                let preface = Wire.preface.count - Wire.settings().count
                transport.receive(Wire.settings() + Self.bytes(&numbers).dropFirst(preface), on: loop)
                for _ in 0..<2 { await loop.turn() }
                transport.close(on: loop)
                #expect(answers.allSatisfy { $0.isClosed })
                #expect(owner.isClosed)
            }
        }
    }

    private final class Silent: HTTP2ClientOwner {
        var isClosed = false
        func connectionIsReady(_ connection: HTTP2ClientConnection, on loop: isolated EventLoop) {}
        func connectionGoesAway(
            _ connection: HTTP2ClientConnection, _ code: HTTP2ErrorCode, _ reason: String, on loop: isolated EventLoop
        ) {}
        func connectionClosed(
            _ connection: HTTP2ClientConnection, _ end: HTTP2ClientConnection.End, on loop: isolated EventLoop
        ) { isClosed = true }
    }
}
