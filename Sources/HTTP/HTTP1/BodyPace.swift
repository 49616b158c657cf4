/// Whether a body comes as fast as it has to: a least rate on average, after a grace, counted while it is waited for.
/// A value; the clock is the caller's, in milliseconds.
struct BodyPace: Sendable {
    private let grace: UInt64
    private let rate: Int
    private var received = 0
    private var waited: UInt64 = 0
    private var waitingSince: UInt64?

    /// - Parameter rate: bytes a second.
    init(grace: UInt64, rate: Int) {
        self.grace = grace
        self.rate = max(rate, 1)
    }

    mutating func add(_ count: Int) { received += count }

    /// From now on the sender is waited for, or held back.
    mutating func setWaiting(_ isWaiting: Bool, at now: UInt64) {
        if let since = waitingSince { waited += now - min(now, since) }
        waitingSince = isWaiting ? now : nil
    }

    /// When too little will have come, if nothing more does; `nil` while the sender is not waited for.
    var deadline: UInt64? {
        guard let since = waitingSince else { return nil }
        let allowed = grace + UInt64(received / rate) * 1000 + UInt64(received % rate) * 1000 / UInt64(rate)
        return since + (allowed > waited ? allowed - waited : 0)
    }
}
