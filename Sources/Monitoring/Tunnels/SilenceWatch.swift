import Synchronization

/// Tells when nothing has been heard for some time.
final class SilenceWatch: Sendable {
    private let limit: Duration
    private let last = Mutex(ContinuousClock.now)

    init(limit: Duration) { self.limit = limit }

    func heard() { last.withLock { $0 = .now } }

    /// Returns when the limit is reached, or the task is cancelled.
    func wait() async {
        while true {
            let due = last.withLock { $0 } + limit
            guard due > .now else { return }
            do { try await Task.sleep(until: due, clock: .continuous) } catch { return }
        }
    }
}
