import Synchronization
import Testing

@testable import MCPServer

/// A clock that the test moves.
private final class TestClock: Sendable {
    private let time = Mutex(Duration.zero)
    var now: Duration { time.withLock { $0 } }
    func advance(_ step: Duration) { time.withLock { $0 += step } }
}

@Suite("Rate limiter (mcp.md 3)")
struct RateLimiterTests {
    private let clock = TestClock()
    private let limits = RateLimiter.Limits()

    private func limiter() -> RateLimiter {
        RateLimiter(now: { [clock] in clock.now })
    }

    private func isAllowed(_ limiter: RateLimiter, token: Int64 = 1) -> Bool {
        limiter.take(token: token, limits) == .allowed
    }

    @Test("ten calls in a second pass, the eleventh is refused")
    func secondBoundary() {
        let limiter = limiter()
        for _ in 0..<10 { #expect(isAllowed(limiter)) }
        #expect(limiter.take(token: 1, limits) == .refused(retryAfterSeconds: 1, isFirst: true))
        #expect(limiter.take(token: 1, limits) == .refused(retryAfterSeconds: 1, isFirst: false))
    }

    @Test("the second's window rolls at exactly one second, not before")
    func secondRollover() {
        let limiter = limiter()
        for _ in 0..<10 { _ = limiter.take(token: 1, limits) }
        clock.advance(.milliseconds(999))
        #expect(!isAllowed(limiter))
        clock.advance(.milliseconds(1))
        #expect(isAllowed(limiter))
    }

    @Test("120 calls in a minute pass, the 121st waits for the rest of the minute")
    func minuteBoundary() {
        let limiter = limiter()
        for _ in 0..<12 {
            for _ in 0..<10 { #expect(isAllowed(limiter)) }
            clock.advance(.seconds(1))
        }
        #expect(limiter.take(token: 1, limits) == .refused(retryAfterSeconds: 48, isFirst: true))
        clock.advance(.milliseconds(47_999))
        #expect(!isAllowed(limiter))
        clock.advance(.milliseconds(1))
        #expect(isAllowed(limiter))
    }

    @Test("forty starts in a second pass beside ten calls, and both count for the minute")
    func starts() {
        let limiter = limiter()
        for _ in 0..<40 { #expect(limiter.take(token: 1, limits, .start) == .allowed) }
        #expect(limiter.take(token: 1, limits, .start) == .refused(retryAfterSeconds: 1, isFirst: true))
        for _ in 0..<10 { #expect(isAllowed(limiter)) }
        #expect(!isAllowed(limiter))
        #expect(limiter.budget(token: 1, limits) == RateLimiter.Budget(thisSecond: 0, thisMinute: 70))
        clock.advance(.seconds(1))
        for _ in 0..<40 { #expect(limiter.take(token: 1, limits, .start) == .allowed) }
        clock.advance(.seconds(1))
        for _ in 0..<30 { #expect(limiter.take(token: 1, limits, .start) == .allowed) }
        #expect(limiter.take(token: 1, limits, .start) == .refused(retryAfterSeconds: 58, isFirst: true))
    }

    @Test(
        "what brings a client up is a start, all else is work",
        arguments: [
            ("initialize", RateLimiter.Allowance.start), ("notifications/initialized", .start),
            ("server/discover", .start), ("tools/list", .start), ("tools/call", .work), ("ping", .work),
            ("notifications/cancelled", .work), ("tools/lists", .work),
        ])
    func allowances(method: String, allowance: RateLimiter.Allowance) {
        #expect(RateLimiter.Allowance(of: JSONRPCRequest(id: nil, method: method)) == allowance)
    }

    @Test("refused calls do not count")
    func refusalsAreFree() {
        let limiter = limiter()
        for _ in 0..<500 { _ = limiter.take(token: 1, limits) }
        #expect(limiter.budget(token: 1, limits) == .init(thisSecond: 0, thisMinute: 110))
    }

    @Test("tokens have budgets of their own, and id 0 has no limit")
    func independence() {
        let limiter = limiter()
        for _ in 0..<11 { _ = limiter.take(token: 1, limits) }
        #expect(!isAllowed(limiter, token: 1))
        #expect(isAllowed(limiter, token: 2))
        for _ in 0..<1000 { #expect(isAllowed(limiter, token: 0)) }
    }

    @Test("of many calls at the same moment exactly the limit passes")
    func concurrency() async {
        let limiter = limiter()
        let limits = limits
        let passed = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<200 { group.addTask { limiter.take(token: 1, limits) == .allowed } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(passed == 10)
    }

    @Test("windows of tokens that stay away are dropped, live ones are kept")
    func pruning() {
        let limiter = limiter()
        for id in 1...1000 as ClosedRange<Int64> { _ = limiter.take(token: id, limits) }
        clock.advance(.seconds(59))
        _ = limiter.take(token: 2000, limits)
        #expect(limiter.trackedTokens == 1001)
        clock.advance(.seconds(1))
        _ = limiter.take(token: 2001, limits)
        #expect(limiter.trackedTokens == 2)
        clock.advance(.seconds(59))
        for _ in 0..<9 { #expect(isAllowed(limiter, token: 2000)) }
    }

    @Test("a million tokens at once take bounded memory, the newest have exact limits, and a minute later all is gone")
    func manyTokens() {
        let limiter = limiter()
        var most = 0
        for id in 1...1_000_000 as ClosedRange<Int64> {
            if limiter.take(token: id, limits) != .allowed { Issue.record("token \(id)") }
            if id.isMultiple(of: 1000) {
                clock.advance(.milliseconds(1))
                most = max(most, limiter.trackedTokens)
            }
        }
        #expect(most <= RateLimiter.capacity)
        #expect(most > RateLimiter.capacity / 2)
        for _ in 0..<9 { #expect(isAllowed(limiter, token: 1_000_000)) }
        #expect(!isAllowed(limiter, token: 1_000_000))
        clock.advance(.seconds(60))
        #expect(isAllowed(limiter, token: 1))
        #expect(limiter.trackedTokens == 1)
    }

    @Test("when there is no room the oldest windows go, and the newer ones stay exact")
    func room() {
        let limiter = limiter()
        let half = Int64(RateLimiter.capacity / 2)
        for id in 1...half { _ = limiter.take(token: id, limits) }
        clock.advance(.seconds(1))
        for id in (half + 1)...(2 * half) { _ = limiter.take(token: id, limits) }
        #expect(limiter.trackedTokens == RateLimiter.capacity)
        _ = limiter.take(token: 2 * half + 1, limits)
        #expect(limiter.trackedTokens == RateLimiter.capacity * 3 / 4 + 1)
        for id in [half + 1, 2 * half] { #expect(limiter.budget(token: id, limits).thisMinute == 119) }
    }

    @Test("a configured limit replaces the default", arguments: [(1, 5), (3, 3), (50, 60)])
    func configured(perSecond: Int, perMinute: Int) {
        let limiter = limiter()
        let limits = RateLimiter.Limits(perSecond: perSecond, perMinute: perMinute)
        var passed = 0
        for _ in 0..<100 where limiter.take(token: 9, limits) == .allowed { passed += 1 }
        #expect(passed == min(perSecond, perMinute))
    }
}
