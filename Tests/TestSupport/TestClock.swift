package import FoundationEssentials
import Transport

/// A clock that goes only when told to.
package final class TestClock: Sendable {
    private let state = Lock(Date(timeIntervalSince1970: 1_800_000_000))

    package init() {}

    package var now: Date { state.withLock { $0 } }

    package func advance(_ seconds: Double) { state.withLock { $0 += seconds } }
}
