import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("HTTP/2: the budget of bodies without a credential", .timeLimit(.minutes(5)))
struct HTTP2BudgetTests {
    private static func body(_ count: Int) -> [UInt8] { Array(repeating: 7, count: count) }

    @Test("over it a body that nobody asked for resets its stream; those that show something and other streams go on")
    func unasked() async {
        await withOwnLoop { loop in
            let isWanted = Lock(false)
            let service = HTTPService(limits: .changed { $0.unreadBodies = 1000 }) { request in
                while !isWanted.withLock({ $0 }), !Task.isCancelled { await Task.yield() }
                if request.head.headerFields[.authorization] == "Bearer x" { request.isOf(user: 7) }
                return .text(.ok, "\((try? await request.body.collect(upTo: 1 << 20))?.count ?? -1)")
            }
            let pair = HTTP2Pair(service: service, on: loop)
            let within = pair.request("/", method: .post, body: Self.body(1000), on: loop)
            await pair.exchange(on: loop)
            #expect(service.unread.count == 1000)
            let other = HTTP2Pair(service: service, on: loop)
            let over = other.request("/", method: .post, body: Self.body(1), on: loop)
            #expect(await other.exchange(on: loop) { over.isClosed })
            #expect(over.failure == .reset(.enhanceYourCalm))
            // What it had is no longer counted, and the connection goes on.
            #expect(service.unread.count == 1000)
            for fields: HTTPFields in [[.authorization: "Bearer x"], [.cookie: "a=b"]] {
                let known = other.request("/", method: .post, fields, body: Self.body(5000), on: loop)
                await other.exchange(on: loop)
                #expect(!known.isClosed)
                isWanted.withLock { $0 = true }
                #expect(await other.exchange(on: loop) { known.isClosed })
                isWanted.withLock { $0 = false }
                #expect(known.text == "5000")
            }
            isWanted.withLock { $0 = true }
            #expect(await pair.exchange(on: loop) { within.isClosed })
            #expect(within.text == "1000")
            #expect(await eventually { service.unread.count == 0 })
            pair.close(on: loop)
            other.close(on: loop)
        }
    }

    @Test("over it a body that is gathered, and not short, resets its stream; a short one is taken")
    func gathered() async {
        await withOwnLoop { loop in
            let limits = ListenerLimits.changed {
                $0.unreadBodies = 1000
                $0.shortBody = 600
            }
            let service = HTTPService(limits: limits, entry: echo)
            let pair = HTTP2Pair(service: service, on: loop)
            // Each is asked for before it comes.
            func begin(on loop: isolated EventLoop) async -> Answer {
                let answer = pair.request("/", method: .post, end: false, on: loop)
                await pair.exchange(on: loop)
                return answer
            }
            let first = await begin(on: loop)
            first.stream?.write(Self.body(1000), on: loop)
            await pair.exchange(on: loop)
            #expect(service.unread.count == 1000)
            let short = await begin(on: loop)
            short.stream?.write(Self.body(600), on: loop)
            await pair.exchange(on: loop)
            #expect(!short.isClosed)
            short.stream?.write(Self.body(1), on: loop)
            await pair.exchange(on: loop)
            short.stream?.write(Self.body(1), on: loop)
            #expect(await pair.exchange(on: loop) { short.isClosed })
            #expect(short.failure == .reset(.enhanceYourCalm))
            #expect(!first.isClosed)
            #expect(await eventually { service.unread.count == 1000 })
            let small = await begin(on: loop)
            small.stream?.write(Self.body(600), on: loop)
            small.stream?.end(on: loop)
            #expect(await pair.exchange(on: loop) { small.isClosed })
            #expect(small.body.count == 600)
            pair.close(on: loop)
            #expect(await eventually { service.unread.count == 0 })
        }
    }

    @Test("a stranger's requests wait with 64 KiB of heads, which count among all that is held")
    func waitingHeads() async {
        await withOwnLoop { loop in
            let service = HTTPService { request in
                _ = try? await request.body.collect(upTo: 1 << 20)
                return .text(.ok, "done")
            }
            let pair = HTTP2Pair(service: service, atWork: 4, on: loop)
            defer { pair.close(on: loop) }
            let long: HTTPFields = [.userAgent: String(repeating: "a", count: 15_000)]
            let atWork = (0..<4).map { _ in pair.request("/", method: .post, end: false, on: loop) }
            await pair.exchange(on: loop)
            let waiting = (0..<4).map { _ in pair.request("/", long, on: loop) }
            await pair.exchange(on: loop)
            #expect(waiting.allSatisfy { !$0.isClosed })
            #expect(service.unread.count > 60_000)
            let refused = pair.request("/", long, on: loop)
            await pair.exchange(on: loop)
            #expect(refused.failure == .reset(.refusedStream))
            for answer in atWork { answer.stream?.end(on: loop) }
            #expect(await pair.exchange(on: loop) { (atWork + waiting).allSatisfy { $0.text == "done" } })
            #expect(await eventually { service.unread.count == 0 })
        }
    }

    @Test("what heads of strangers take of all memory is bounded, too")
    func headsOfAll() async {
        await withOwnLoop { loop in
            let service = HTTPService(limits: .changed { $0.unreadBodies = 20_000 }) { request in
                _ = try? await request.body.collect(upTo: 1 << 20)
                return .text(.ok, "done")
            }
            let long: HTTPFields = [.userAgent: String(repeating: "a", count: 15_000)]
            var pairs: [HTTP2Pair] = []
            for isWithin in [true, true, false] {
                let pair = HTTP2Pair(service: service, atWork: 1, on: loop)
                pairs.append(pair)
                // Who is first does not wait.
                let first = pair.request("/", method: .post, long, end: false, on: loop)
                let second = pair.request("/", long, on: loop)
                await pair.exchange(on: loop)
                #expect(!first.isClosed)
                #expect(second.isClosed != isWithin)
            }
            for pair in pairs { pair.close(on: loop) }
            #expect(await eventually { service.unread.count == 0 })
        }
    }

    @Test("a body that comes byte by byte is held in one piece")
    func manyFrames() async {
        await EventLoop.shared.run { loop in
            let intake = HTTP2Intake()
            for byte in 0..<200 { intake.received([UInt8(byte)], on: loop) }
            intake.end(.ended)
            #expect(intake.takeWhole(on: loop) == Array(0..<200))
        }
    }
}
