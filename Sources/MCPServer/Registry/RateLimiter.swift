import Synchronization

/// How many calls a token may still make: so many a second *and* so many a minute, in fixed windows that start at the
/// token's first call after expiry (`mcp.md` 3). What brings a client up has an allowance per second of its own, so that
/// several that start at once with one token all come up.
///
/// The decision and the reading of the clock are one critical section, so of M calls at the same moment exactly N pass.
package final class RateLimiter: Sendable {
    package struct Limits: Sendable, Hashable {
        package var perSecond: Int
        package var perMinute: Int

        package init(perSecond: Int = 10, perMinute: Int = 120) {
            self.perSecond = perSecond
            self.perMinute = perMinute
        }
    }

    /// Which allowance per second a call takes from; the one per minute is of both.
    package enum Allowance: Sendable, Hashable {
        /// `initialize`, `notifications/initialized`, `server/discover` and `tools/list`.
        case start
        /// All else, what cannot be read included.
        case work

        /// How many times ``Limits/perSecond`` it is.
        fileprivate var factor: Int { self == .start ? 4 : 1 }
    }

    package enum Decision: Sendable, Hashable {
        case allowed
        /// Whole seconds until the earliest window with room begins; at least 1. `isFirst` marks the first refusal
        /// since a window began, the one that is worth an audit row.
        case refused(retryAfterSeconds: Int, isFirst: Bool)
    }

    /// What a token may still do at this moment.
    package struct Budget: Sendable, Hashable {
        package var thisSecond: Int
        package var thisMinute: Int
    }

    /// One fixed window and what was counted in it.
    private struct Window: Sendable {
        var began: Duration
        var count: Int32 = 0

        /// - Returns: whether a new window began.
        mutating func roll(to now: Duration, length: Duration) -> Bool {
            guard now - began >= length else { return false }
            self = Window(began: now)
            return true
        }
    }

    /// The windows of one token. A pure value: the clock comes in as an argument.
    struct Windows: Sendable {
        private var starts: Window
        private var work: Window
        private var minute: Window
        private var hasRefused = false

        fileprivate var minuteBegan: Duration { minute.began }

        init(now: Duration) {
            starts = Window(began: now)
            work = Window(began: now)
            minute = Window(began: now)
        }

        private mutating func roll(to now: Duration) {
            if work.roll(to: now, length: .seconds(1)) { hasRefused = false }
            _ = starts.roll(to: now, length: .seconds(1))
            _ = minute.roll(to: now, length: .seconds(60))
        }

        mutating func take(at now: Duration, _ limits: Limits, _ allowance: Allowance) -> Decision {
            roll(to: now)
            let second = allowance == .start ? starts : work
            var wait = Duration.zero
            if Int(second.count) / allowance.factor >= limits.perSecond {
                wait = max(wait, second.began + .seconds(1) - now)
            }
            if minute.count >= limits.perMinute { wait = max(wait, minute.began + .seconds(60) - now) }
            guard wait == .zero else {
                let (seconds, rest) = wait.components
                defer { hasRefused = true }
                return .refused(retryAfterSeconds: max(1, Int(seconds) + (rest > 0 ? 1 : 0)), isFirst: !hasRefused)
            }
            if allowance == .start { starts.count += 1 } else { work.count += 1 }
            minute.count += 1
            return .allowed
        }

        /// What is left for work.
        mutating func budget(at now: Duration, _ limits: Limits) -> Budget {
            roll(to: now)
            return Budget(
                thisSecond: max(0, limits.perSecond - Int(work.count)),
                thisMinute: max(0, limits.perMinute - Int(minute.count)))
        }

        func isStale(at now: Duration) -> Bool { now - minuteBegan >= .seconds(60) }
    }

    private struct State {
        var windows: [Int64: Windows] = [:]
        var lastPruned: Duration?
    }

    /// Tokens whose windows are kept, about 20 MB. Only where more than so many call within one minute do the quarter
    /// with the oldest windows get new ones early.
    static let capacity = 100_000

    private let state = Mutex(State())
    private let now: @Sendable () -> Duration

    /// - Parameter now: time since any fixed moment; never goes back.
    package init(now: @escaping @Sendable () -> Duration = RateLimiter.monotonic) {
        self.now = now
    }

    /// Counts one call of this token if there is room. Id 0 is not limited.
    package func take(token id: Int64, _ limits: Limits, _ allowance: Allowance = .work) -> Decision {
        guard id != 0 else { return .allowed }
        return state.withLock { state in
            let now = now()
            prune(&state, now)
            if state.windows.count >= Self.capacity, state.windows[id] == nil { Self.makeRoom(&state, now) }
            return state.windows[id, default: Windows(now: now)].take(at: now, limits, allowance)
        }
    }

    /// What is left, without counting a call.
    package func budget(token id: Int64, _ limits: Limits) -> Budget {
        state.withLock { state in
            let now = now()
            guard var windows = state.windows[id] else {
                return Budget(thisSecond: limits.perSecond, thisMinute: limits.perMinute)
            }
            return windows.budget(at: now, limits)
        }
    }

    /// Tokens with a window in memory.
    var trackedTokens: Int { state.withLock { $0.windows.count } }

    /// At most once a minute, on a call.
    private func prune(_ state: inout State, _ now: Duration) {
        if let last = state.lastPruned, now - last < .seconds(60) { return }
        state.lastPruned = now
        state.windows = state.windows.filter { !$0.value.isStale(at: now) }
    }

    private static func makeRoom(_ state: inout State, _ now: Duration) {
        state.windows = state.windows.filter { !$0.value.isStale(at: now) }
        guard state.windows.count >= capacity else { return }
        let oldest = state.windows.sorted { $0.value.minuteBegan < $1.value.minuteBegan }.prefix(capacity / 4)
        for (id, _) in oldest { state.windows[id] = nil }
    }

    private static let epoch = ContinuousClock.now

    @Sendable
    package static func monotonic() -> Duration { epoch.duration(to: .now) }
}

extension RateLimiter.Allowance {
    init(of message: JSONRPCRequest) {
        switch message.method {
        case "initialize", "notifications/initialized", "server/discover", "tools/list": self = .start
        default: self = .work
        }
    }
}
