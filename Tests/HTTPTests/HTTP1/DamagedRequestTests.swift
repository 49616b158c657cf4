import FuzzSupport
import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("Damaged requests, and clients that leave at any byte", .timeLimit(.minutes(5)))
struct DamagedRequestTests {
    private static let streams: [String] = [
        get("/a") + post("/b", "body") + get("/c", "Connection: close"),
        "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: x\r\n\r\n"
            + get("/d"),
        "POST /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok" + get("/f"),
        WebSocketPeer.request + "\u{1}\u{2}",
        "GET http://h:80/x?y HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get("/g"),
    ]

    @Test("whatever is changed, the connection answers or ends, and nothing is worked at afterwards", arguments: 0..<60)
    func damaged(seed: UInt64) async {
        await onOwnLoop { loop in
            var random = FuzzNumbers(seed: seed)
            let running = Lock(0)
            for _ in 0..<20 {
                var bytes = Array(Self.streams.randomElement(using: &random)?.utf8 ?? "".utf8)
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: place)
                    case 2:
                        bytes.insert([0x0D, 0x0A, 0x20, 0x3A, 0x30][Int.random(in: 0..<5, using: &random)], at: place)
                    default: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
                    }
                }
                let peer = HTTP1Peer(on: loop) { request in
                    running.withLock { $0 += 1 }
                    defer { running.withLock { $0 -= 1 } }
                    return await mirror(request)
                }
                var rest = bytes[...]
                while !rest.isEmpty {
                    let count = Int.random(in: 1...60, using: &random)
                    await peer.send(Array(rest.prefix(count)), on: loop)
                    rest = rest.dropFirst(count)
                }
                if Bool.random(using: &random) { peer.transport.receiveEnd(on: loop) }
                await peer.settle(on: loop)
                peer.transport.close(on: loop)
                #expect(peer.text.isEmpty || peer.text.hasPrefix("HTTP/1.1 "))
            }
            #expect(await eventually { running.withLock { $0 } == 0 })
        }
    }

    @Test(
        "an end or a reset at every byte of a request and of an answer leaves nothing behind", arguments: [true, false])
    func endsAnywhere(isReset: Bool) async {
        await onOwnLoop { loop in
            let calls = Lock(0)
            let ends = Lock(0)
            let service = HTTPService(limits: .changed { $0.halfClosed = .milliseconds(20) }) { request in
                calls.withLock { $0 += 1 }
                let body = (try? await request.body.collect(upTo: 1000)) ?? []
                return OutboundResponse(
                    head: HTTPResponse(status: .ok),
                    body: .stream(length: nil) { write in
                        defer { ends.withLock { $0 += 1 } }
                        for byte in body { try await write([byte]) }
                    })
            }
            let bytes = Array((post("/b", "body") + Self.streams[1]).utf8)
            for end in 0...bytes.count {
                let peer = HTTP1Peer(service: service, on: loop)
                await peer.send(Array(bytes[..<end]), on: loop)
                if isReset { peer.transport.close(on: loop) } else { peer.transport.receiveEnd(on: loop) }
                await peer.settle(on: loop)
                #expect(isReset || peer.transport.isClosed, "\(end)")
                peer.transport.close(on: loop)
            }
            #expect(await eventually { calls.withLock { $0 } == ends.withLock { $0 } })
            #expect(service.unread.count == 0)
        }
    }
}
