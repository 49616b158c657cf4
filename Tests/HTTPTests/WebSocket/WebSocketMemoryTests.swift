import FuzzSupport
import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("WebSockets in memory", .timeLimit(.minutes(5)))
struct WebSocketMemoryTests {
    /// A connection that has become a WebSocket; what the server sent since is heard.
    private func open(
        _ entry: @escaping HTTPEntry, limits: ListenerLimits = ListenerLimits(), early: [UInt8] = [],
        on loop: isolated EventLoop
    ) async -> HTTP1Peer {
        let peer = HTTP1Peer(limits: limits, on: loop, entry: entry)
        await peer.send(Array(WebSocketPeer.request.utf8) + early, on: loop)
        #expect(peer.text.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
        return peer
    }

    @Test(
        "a receiver that does not come holds the client back: after 16 messages, or 64 KiB", arguments: [true, false])
    func queue(many: Bool) async {
        await onOwnLoop { loop in
            let (wanted, want) = AsyncStream<Void>.makeStream()
            let received = Lock(0)
            let entry = webSocketEntry { socket in
                for await _ in wanted {
                    guard (try? await socket.receive()) ?? nil != nil else { break }
                    received.withLock { $0 += 1 }
                }
                return .normal
            }
            let peer = await open(entry, on: loop)
            let (count, payload) = many ? (16, 1) : (2, 32 * 1024)
            let message = WebSocketPeer.frame(2, [UInt8](repeating: 1, count: payload))
            for _ in 1..<count { await peer.send(message, on: loop) }
            #expect(!peer.transport.isPaused)
            await peer.send(message, on: loop)
            #expect(peer.transport.isPaused)
            // What came in the same read is kept, and decoded as room comes.
            await peer.send(message + message, on: loop)
            want.yield()
            await peer.settle(on: loop)
            #expect(peer.transport.isPaused)
            for _ in 0..<count + 1 { want.yield() }
            for _ in 0..<count { await peer.settle(on: loop) }
            #expect(!peer.transport.isPaused)
            #expect(received.withLock { $0 } == count + 2)
            want.finish()
            peer.transport.close(on: loop)
        }
    }

    @Test("of the pings of a client that does not read the last one is answered")
    func pings() async {
        await onOwnLoop { loop in
            let peer = await open(webSocketEntry(echo), on: loop)
            let start = peer.heard.count
            peer.transport.isOpen = false
            for number in 0..<100 { await peer.send(WebSocketPeer.frame(9, [UInt8(number)]), on: loop) }
            #expect(peer.heard.count == start)
            peer.transport.becomeWritable(on: loop)
            await peer.settle(on: loop)
            #expect(Array(peer.heard[start...]) == [0x8A, 1, 99])
            peer.transport.close(on: loop)
        }
    }

    @Test("the system gives up a client that acknowledges nothing for two intervals of pings")
    func unacknowledged() async {
        await onOwnLoop { loop in
            for (interval, limit) in [(Duration.seconds(30), 60_000), (.milliseconds(10), 1000)] {
                let peer = await open(webSocketEntry(pingInterval: interval, echo), on: loop)
                #expect(peer.transport.unacknowledgedLimit == limit)
                peer.transport.close(on: loop)
            }
        }
    }

    @Test("the bytes are unmasked wherever a message is cut")
    func cuts() async {
        await onOwnLoop { loop in
            let text = "0123456789abcdefghijklmnopqrstuvwxyz"
            let bytes = WebSocketPeer.frame(1, Array(text.utf8))
            for cut in 0...bytes.count {
                let peer = await open(webSocketEntry(echo), early: Array(bytes[..<cut]), on: loop)
                await peer.send(Array(bytes[cut...]), on: loop)
                #expect(peer.text.hasSuffix(text))
                peer.transport.close(on: loop)
            }
            let peer = await open(webSocketEntry(echo), on: loop)
            for byte in bytes { await peer.send([byte], on: loop) }
            #expect(peer.text.hasSuffix(text))
            peer.transport.close(on: loop)
        }
    }

    @Test("a cancelled receive leaves the socket as it was")
    func cancelled() async {
        await onOwnLoop { loop in
            let outcome = Lock("")
            let (cancelled, cancel) = AsyncStream<Void>.makeStream()
            let entry = webSocketEntry { socket in
                let first = Task { try await socket.receive() }
                for await _ in cancelled { break }
                first.cancel()
                do { _ = try await first.value } catch { outcome.withLock { $0 = "\(error)" } }
                return await echo(socket)
            }
            let peer = await open(entry, on: loop)
            cancel.yield()
            #expect(await eventually { outcome.withLock { $0 } == "CancellationError()" })
            await peer.send(WebSocketPeer.frame(1, Array("after".utf8)), on: loop)
            #expect(
                await eventually {
                    await peer.settle(on: loop); return peer.text.hasSuffix("after")
                })
            peer.transport.close(on: loop)
        }
    }

    @Test("whatever bytes come, the socket ends in order and run returns", arguments: 0..<40)
    func damaged(seed: UInt64) async {
        await onOwnLoop { loop in
            var random = FuzzNumbers(seed: seed)
            let ended = Lock(false)
            let entry = webSocketEntry(maxMessageSize: 2000) { socket in
                let close = await echo(socket)
                ended.withLock { $0 = true }
                return close
            }
            let peer = await open(entry, limits: .changed { $0.webSocketEnd = .milliseconds(50) }, on: loop)
            for _ in 0..<50 where !peer.transport.isClosed {
                var bytes = WebSocketPeer.frame(
                    UInt8.random(in: 0...10, using: &random),
                    (0..<Int.random(in: 0...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
                    },
                    isFinal: Bool.random(using: &random))
                if Int.random(in: 0..<4, using: &random) == 0 {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
                }
                await peer.send(bytes, on: loop)
            }
            peer.transport.receiveEnd(on: loop)
            await peer.settle(on: loop)
            peer.transport.close(on: loop)
            #expect(await eventually { ended.withLock { $0 } })
        }
    }
}
