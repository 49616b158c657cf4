/// How long to wait before the next connection: about the base at first, longer while nothing works, never in step
/// with other agents of the same gateway.
struct ReconnectDelay: Sendable {
    /// As agents in the field wait (`agent-link.md` 1, rhythm).
    static let standard = Duration.seconds(10)
    /// At most this many times the base.
    static let maxFactor = 6.0

    let base: Duration
    private var failures = 0

    init(base: Duration) {
        self.base = base
    }

    /// - Parameter jitter: from 0 to 1.
    mutating func next(afterSuccess: Bool, jitter: Double) -> Duration {
        failures = afterSuccess ? 0 : failures + 1
        let factor = min(Self.maxFactor, max(1, Double(failures)))
        return base * (factor * (0.8 + 0.4 * min(1, max(0, jitter))))
    }
}
