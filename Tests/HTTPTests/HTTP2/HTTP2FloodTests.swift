import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("Floods of what costs the sender nothing", .serialized, .timeLimit(.minutes(5)))
struct HTTP2FloodTests {
    typealias Wire = HTTP2Wire

    /// Frames of each kind, none of which does anything.
    private static let kinds: [(String, [UInt8])] = [
        ("PING", Wire.frame(.ping, 0, 0, Array(repeating: 7, count: 8))), ("SETTINGS", Wire.settings()),
        ("WINDOW_UPDATE", Wire.window(0, 1)), ("WINDOW_UPDATE of a stream", Wire.window(1, 1)),
        ("PRIORITY", Wire.frame(.priority, 0, 3, [0, 0, 0, 0, 9])), ("RST_STREAM", Wire.reset(1)),
        ("empty DATA", Wire.data(1, [])), ("unknown", Wire.frame(99, 0, 0, [1])),
        ("DATA of padding", Wire.frame(.data, 8, 1, [3, 0, 0, 0])), ("ORIGIN", Wire.frame(12, 0, 0)),
        ("PRIORITY_UPDATE", Wire.frame(16, 0, 0, [0, 0, 0, 3])),
    ]

    /// A connection whose stream 1 is open.
    private static func pair(_ router: NotingRouter, on loop: isolated EventLoop) -> HTTP2Pair {
        let pair = HTTP2Pair(client: nil, router: router, on: loop, echo)
        pair.send(Wire.request(1, "/call", method: "POST", end: false), on: loop)
        return pair
    }

    @Test("before a secret a flood ends the connection, what comes before it does not", arguments: 0..<11)
    func untrusted(kind: Int) async {
        let (name, frame) = Self.kinds[kind]
        await EventLoop.shared.run { loop in
            let pair = Self.pair(NotingRouter(), on: loop)
            defer { pair.close(on: loop) }
            _ = await pair.frames(on: loop)
            for _ in 0..<150 { pair.send(frame, on: loop) }
            #expect(await !pair.frames(on: loop).contains { $0.is(.goAway) }, "\(name)")
            #expect(!pair.isServerGone)
            var most = 0
            for _ in 0..<100 where !pair.isServerGone {
                pair.send(Array(Array(repeating: frame, count: 100).joined()), on: loop)
                most = max(most, pair.server.link.session.waitingFrames)
                await loop.turn()
            }
            #expect(await pair.frames(on: loop).last?.code == .enhanceYourCalm, "\(name)")
            #expect(pair.isServerGone)
            #expect(most < 1024)
        }
    }

    @Test("heads of streams that were passed over end the connection as well, when they are many")
    func strayHeads() async {
        await EventLoop.shared.run { loop in
            let pair = Self.pair(NotingRouter(), on: loop)
            defer { pair.close(on: loop) }
            pair.send(Wire.request(5, "/call", method: "POST", end: false), on: loop)
            let stray = Wire.frame(.headers, 5, 3)
            for _ in 0..<150 { pair.send(stray, on: loop) }
            #expect(await !pair.frames(on: loop).contains { $0.is(.goAway) })
            for _ in 0..<300 { pair.send(stray, on: loop) }
            #expect(await pair.frames(on: loop).last?.code == .enhanceYourCalm)
        }
    }

    @Test("after an agent's secret PING, SETTINGS and windows come at any rate", arguments: 0..<4)
    func trusted(kind: Int) async {
        let (name, frame) = Self.kinds[kind]
        await EventLoop.shared.run { loop in
            let router = NotingRouter { stream, loop in stream.connectionIsTrusted(as: .agent(1), on: loop) }
            let pair = Self.pair(router, on: loop)
            defer { pair.close(on: loop) }
            // As many as one read brings, many times over.
            let read = Array(Array(repeating: frame, count: (64 << 10) / frame.count).joined())
            var answers = 0
            for _ in 0..<15 {
                pair.send(read, on: loop)
                answers += await pair.frames(on: loop).count { ($0.is(.ping) || $0.is(.settings)) && $0.flags == 1 }
            }
            #expect(!pair.isServerGone, "\(name)")
            if kind < 2 { #expect(answers >= 15 * (read.count / frame.count)) }
            #expect(pair.server.link.session.waitingFrames == 0)
        }
    }

    @Test("an agent that pings and takes no answers is not read any more, and goes on when it takes them")
    func heldBack() async {
        await EventLoop.shared.run { loop in
            let router = NotingRouter { stream, loop in stream.connectionIsTrusted(as: .agent(1), on: loop) }
            let pair = Self.pair(router, on: loop)
            defer { pair.close(on: loop) }
            _ = await pair.frames(on: loop)
            pair.transport.isOpen = false
            let pings = Array(Array(repeating: Self.kinds[0].1, count: 500).joined())
            var sent = 0
            while !pair.transport.isPaused, sent < 100_000 {
                pair.send(pings, on: loop)
                sent += 500
                await loop.turn()
            }
            #expect(sent <= 2000, "held back soon")
            pair.transport.becomeWritable(on: loop)
            #expect(await pair.frames(on: loop).count { $0.is(.ping) && $0.flags == 1 } == sent)
            #expect(!pair.transport.isPaused)
            #expect(!pair.isServerGone)
        }
    }

    @Test("Rapid reset: resets of calls that are not ended count, with a secret and without", arguments: [false, true])
    func rapidReset(isTrusted: Bool) async {
        await EventLoop.shared.run { loop in
            let router = NotingRouter { stream, loop in
                if isTrusted { stream.connectionIsTrusted(as: .agent(1), on: loop) }
            }
            let pair = Self.pair(router, on: loop)
            defer { pair.close(on: loop) }
            var id: Int32 = 3
            while !pair.isServerGone, id < 2000 {
                pair.send(Wire.request(id, "/call", end: true) + Wire.reset(id), on: loop)
                await loop.turn()
                id += 2
            }
            #expect(await pair.frames(on: loop).last?.code == .enhanceYourCalm)
            // 200 at once, and a few that time has given back.
            #expect(id / 2 > 190, "\(id / 2) resets")
            #expect(id < 2000, "\(id / 2) resets")
            #expect(router.all(on: loop).allSatisfy { $0.isClosed })
        }
    }

    @Test("late resets, of streams that the server has ended, are not counted", arguments: [false, true])
    func lateResets(isTrusted: Bool) async {
        await EventLoop.shared.run { loop in
            // Ends each call at once, as the client could have said more.
            let router = NotingRouter { stream, loop in
                if isTrusted { stream.connectionIsTrusted(as: .agent(1), on: loop) }
                stream.respond(HTTPResponse(status: .ok), on: loop)
                stream.end(trailers: [HTTPField.Name("grpc-status")!: "0"], on: loop)
            }
            let pair = HTTP2Pair(client: nil, router: router, on: loop, echo)
            defer { pair.close(on: loop) }
            var ended = 0
            for id in stride(from: Int32(1), to: 4001, by: 2) {
                pair.send(Wire.request(id, "/call", method: "POST", end: false), on: loop)
                ended += await pair.frames(on: loop).count { $0.endsStream && $0.stream == id }
                pair.send(Wire.reset(id, id % 4 == 1 ? .cancel : .noError), on: loop)
            }
            #expect(!pair.isServerGone)
            #expect(ended == 2000)
            #expect(router.all(on: loop).allSatisfy { $0.isClosed && $0.failure == nil })
            #expect(pair.server.link.session.streams.isEmpty)
        }
    }

    /// CVE-2025-8671: what makes the server reset a stream, while its work goes on.
    @Test(
        "resets that the server is made to send count as the client's",
        arguments: [
            "increment 0", "window past 2^31", "frames after END_STREAM", "self-dependent PRIORITY", "wrong length",
        ])
    func madeToReset(how: String) async {
        await EventLoop.shared.run { loop in
            let most = Lock(0)
            let now = Lock(0)
            let pair = HTTP2Pair(client: nil, on: loop) { _ in
                let count = now.withLock { count in
                    count += 1
                    return count
                }
                most.withLock { $0 = max($0, count) }
                // A tool that does not mind that its caller has gone.
                for _ in 0..<20 { await EventLoop.shared.turn() }
                now.withLock { $0 -= 1 }
                return .empty(.ok)
            }
            defer { pair.close(on: loop) }
            var id: Int32 = 1
            while !pair.isServerGone, id < 20_000 {
                let request = Wire.request(id, method: "POST", end: false)
                let fault =
                    switch how {
                    case "increment 0": Wire.window(id, 0)
                    case "window past 2^31": Wire.window(id, 0x7FFF_FFFF)
                    case "frames after END_STREAM": Wire.data(id, [1], end: true) + Wire.data(id, [1])
                    case "self-dependent PRIORITY":
                        Wire.frame(.priority, 0, id, [0, 0, 0, UInt8(truncatingIfNeeded: id), 9])
                    default: Wire.headers(id, [("content-length", "7")], end: true)
                    }
                pair.send(request + fault, on: loop)
                if id % 64 == 1 { await loop.turn() }
                id += 2
            }
            #expect(pair.isServerGone, "\(how): \(id / 2) streams")
            #expect(id < 1000, "\(how): \(id / 2) streams")
            #expect(most.withLock { $0 } <= 256)
            while now.withLock({ $0 }) > 0 { await loop.turn() }
            #expect(pair.server.workingForTests == 0)
        }
    }

    @Test("a reset request's work counts against the limit of streams until it has ended")
    func workCounts() async {
        await EventLoop.shared.run { loop in
            let isDone = Lock(false)
            var configuration = HTTP2ServerConfiguration.patient(entry: { request in
                while !isDone.withLock({ $0 }) { await EventLoop.shared.turn() }
                return .empty(.ok)
            })
            configuration.settings.maximumStreams = 8
            let pair = HTTP2Pair(configuration, client: nil, on: loop)
            defer { pair.close(on: loop) }
            _ = await pair.frames(on: loop)
            for id in stride(from: Int32(1), to: 33, by: 2) {
                pair.send(Wire.request(id, end: true) + Wire.reset(id), on: loop)
                await loop.turn()
                #expect(pair.server.workingForTests <= 8)
            }
            pair.send(Wire.request(33), on: loop)
            #expect(await pair.frames(on: loop).contains { $0.stream == 33 && $0.code == .refusedStream })
            isDone.withLock { $0 = true }
            while pair.server.workingForTests > 0 { await loop.turn() }
            pair.send(Wire.request(35), on: loop)
            while pair.server.workingForTests > 0 { await loop.turn() }
            #expect(await pair.frames(on: loop).contains { $0.stream == 35 && $0.is(.headers) })
        }
    }

    @Test("Costly header blocks that are refused anyway end the connection before a credential")
    func headerBlocks() async {
        await EventLoop.shared.run { loop in
            let pair = HTTP2Pair(client: nil, on: loop) { _ in .empty(.unauthorized) }
            defer { pair.close(on: loop) }
            // 4 KiB in the table, then a byte for each of them: a block of 20 KB decodes to 80 MB.
            let entry: [UInt8] = [0x40] + Wire.block([("x-a", String(repeating: "v", count: 4000))]).dropFirst()
            let pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", "test"), (":path", "/")]
            let block = Wire.block(pseudo) + entry + Array(repeating: 0xBE, count: 20_000)
            var blocks = 0
            for id in stride(from: Int32(1), to: 201, by: 2) where !pair.isServerGone {
                pair.send(Wire.frame(.headers, 5, id, block), on: loop)
                _ = await pair.frames(on: loop)
                blocks += 1
            }
            #expect(pair.isServerGone, "\(blocks) blocks")
            #expect(blocks <= 3, "\(blocks) blocks")
        }
    }
}

@Suite("The guard against floods, as a value")
struct HTTP2FloodGuardTests {
    @Test("tokens come back with time, up to the capacity")
    func bucket() {
        var bucket = HTTP2FloodGuard.Bucket()
        func take(_ count: Int, at now: UInt64) -> Bool { bucket.take(count, of: 10, perSecond: 2, at: now) }
        #expect((0..<10).allSatisfy { _ in take(1, at: 1000) })
        #expect([1000, 1499].allSatisfy { !take(1, at: $0) })
        #expect([3000, 3000].map { take(1, at: $0) } == [true, true])
        bucket = HTTP2FloodGuard.Bucket()
        #expect([0, 1_000_000].allSatisfy { take(10, at: $0) })
        #expect([1_000_000].allSatisfy { !take(1, at: $0) })
        bucket.giveBack(5)
        #expect([1_000_000].allSatisfy { take(4, at: $0) })
    }
}
