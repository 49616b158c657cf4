import Logging
import TestSupport
import Testing
import Transport

@testable import AgentLink

@Suite("Refusals: one line for each source")
struct RefusalThrottleTests {
    private typealias Source = RefusalThrottle.Source
    private static let start = ContinuousClock.now
    private let a = Source(peer: "192.0.2.1", reason: "bad secret")
    private let b = Source(peer: "192.0.2.2", reason: "bad secret")

    private func at(_ seconds: Int) -> ContinuousClock.Instant { Self.start + .seconds(seconds) }

    @Test("the first of a source and reason at once, repeats as one number when their time is up")
    func repeats() {
        var throttle = RefusalThrottle(interval: .seconds(100), capacity: 10)
        #expect(throttle.refused(a, at: at(0)) == [.first(a)])
        for second in 1...50 { #expect(throttle.refused(a, at: at(second)).isEmpty) }
        #expect(throttle.refused(b, at: at(50)) == [.first(b)])
        let other = Source(peer: a.peer, reason: "bad uuid")
        #expect(throttle.refused(other, at: at(51)) == [.first(other)])
        #expect(throttle.refused(a, at: at(99)).isEmpty)
        #expect(throttle.refused(a, at: at(106)) == [.repeated(a, count: 51), .first(a)])
        #expect(throttle.refused(a, at: at(107)).isEmpty)
    }

    @Test("another source's refusal brings the number of one that gave up; one without repeats is just forgotten")
    func sweep() {
        var throttle = RefusalThrottle(interval: .seconds(100), capacity: 10)
        _ = throttle.refused(a, at: at(0))
        _ = throttle.refused(a, at: at(1))
        _ = throttle.refused(b, at: at(2))
        let c = Source(peer: "192.0.2.3", reason: "bad secret")
        #expect(throttle.refused(c, at: at(200)) == [.repeated(a, count: 1), .first(c)])
        #expect(throttle.count == 1)
    }

    @Test("Unbounded streams: a flood from ever new addresses has bounded memory and lines, and is counted")
    func flood() {
        var throttle = RefusalThrottle(interval: .seconds(160), capacity: 100)
        var firsts = 0
        var crowd: UInt64 = 0
        for number in 0..<100_000 {
            let second = number / 1000
            for line in throttle.refused(Source(peer: "host \(number)", reason: "x"), at: at(second)) {
                switch line {
                case .first: firsts += 1
                case .crowded(let count): crowd += count
                case .repeated: Issue.record("no source came twice")
                }
            }
            #expect(throttle.count <= 100)
        }
        #expect(firsts == 100)
        // Told every ten seconds of the hundred; the last ten are still to come.
        #expect(crowd == 90_000 - 100)
    }

    @Test("the log names peer and reason, and what an administrator needs to know of a take-over, but no secret")
    func lines() throws {
        let log = KeptLog()
        let seconds = Lock(0)
        let refusals = RefusalLog(
            logger: log.logger, throttle: RefusalThrottle(interval: .seconds(100), capacity: 2)
        ) { Self.start + .seconds(seconds.withLock { $0 }) }
        let takeOver = AgentRefusal.foreignServer(server: 7, owner: 2, secretOwner: 3)
        for _ in 0..<3 { refusals.refused(takeOver, address: "192.0.2.1") }
        refusals.refused("stream not authorized for agent", server: 9)
        refusals.refused(.unauthenticated("client secret is not valid"), address: nil)
        seconds.withLock { $0 = 200 }
        refusals.refused(.blocked, address: "192.0.2.5")
        #expect(
            log.lines == [
                "warning agent refused owner=2 peer=192.0.2.1 reason=client uuid belongs to another owner (server 7) "
                    + "secret_of=3 server=7",
                "notice agent refused peer=server 9 reason=stream not authorized for agent",
                "notice agent refused repeatedly peer=192.0.2.1 reason=client uuid belongs to another owner (server 7) "
                    + "times=2",
                "notice agents refused, from too many sources to name times=1",
                "notice agent refused peer=192.0.2.5 reason=you were blocked by nezha WAF",
            ])
    }
}

extension KeptLog {
    fileprivate var lines: [String] {
        events.map { event in
            let pairs = (event.metadata?.entries ?? []).map { " \($0.key)=\($0.value)" }.sorted().joined()
            return "\(event.level) \(event.message)\(pairs)"
        }
    }
}
