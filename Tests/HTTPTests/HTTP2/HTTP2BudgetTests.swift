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
}
