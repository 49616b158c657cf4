import TestSupport
import Testing
import Transport

@testable import HTTP

/// A task of its own does not prefer the executor of the loop that it was begun on.
@Suite("Waiting on a loop, by tasks of other executors", .timeLimit(.minutes(5)))
struct LoopSignalTests {
    /// Something that changes on a loop.
    private final class Changing {
        let signal = LoopSignal()
        var isThere = false
    }

    private final class Heard: Sendable {
        let numbers = Lock<[Int]>([])
    }

    @Test("a change that comes between the look and the wait is not lost")
    func betweenLookAndWait() async throws {
        try await onOwnLoop { loop in
            for round in 0..<1000 {
                let changing = Changing()
                let bound = LoopBound(changing, on: loop)
                let waiter = Task {
                    try await bound.loop.run { loop in
                        let changing = bound.get(on: loop)
                        try await changing.signal.wait(on: loop) { !changing.isThere }
                    }
                }
                for _ in 0..<round % 8 { await loop.turn() }
                changing.isThere = true
                changing.signal.wake()
                try await waiter.value
            }
        }
    }

    @Test("a message of a WebSocket that comes between the look at the queue and the wait is received, in order")
    func messages() async {
        await onOwnLoop { loop in
            let heard = Heard()
            let peer = HTTP1Peer(
                on: loop,
                entry: webSocketEntry { socket in
                    let task = Task {
                        while let message = try? await socket.receive(), case .text(let text) = message {
                            heard.numbers.withLock { $0.append(Int(text) ?? -1) }
                        }
                    }
                    await task.value
                    return .normal
                })
            await peer.send(WebSocketPeer.request, on: loop)
            for number in 0..<2000 {
                peer.transport.receive(WebSocketPeer.frame(1, Array("\(number)".utf8)), on: loop)
                for _ in 0..<number % 5 { await loop.turn() }
                while peer.transport.isPaused { await loop.turn() }
            }
            // None is left behind until the next one comes.
            for _ in 0..<2000 where heard.numbers.withLock({ $0.count }) < 2000 {
                try? await loop.sleep(milliseconds: 5)
            }
            #expect(heard.numbers.withLock { $0 } == Array(0..<2000))
            peer.transport.close(on: loop)
        }
    }

    @Test("a body whose bytes come between the look and the wait is read to its end")
    func body() async {
        await onOwnLoop { loop in
            let entry: HTTPEntry = { request in
                let body = await Task { try await request.body.collect(upTo: 100) }.result
                return .text(.ok, "\((try? body.get())?.count ?? -1)|")
            }
            for round in 0..<500 {
                let peer = HTTP1Peer(on: loop, entry: entry)
                let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
                peer.transport.receive(Array(head.utf8), on: loop)
                for _ in 0..<round % 12 { await loop.turn() }
                peer.transport.receive([7], on: loop)
                for _ in 0..<2000 where !peer.text.hasSuffix("1|") {
                    await peer.settle(on: loop)
                    try? await loop.sleep(milliseconds: 1)
                }
                #expect(peer.text.hasSuffix("1|"), "round \(round)")
                peer.transport.close(on: loop)
            }
        }
    }
}
