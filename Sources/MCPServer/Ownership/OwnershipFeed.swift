import Storage
import Synchronization

/// Tells everybody who watches of each hand-over that begins or is settled. Keeps nothing: whoever wants to know what was
/// before reads the list.
package final class OwnershipFeed: Sendable {
    /// Changes that wait for one watcher; one that is slower loses the oldest.
    static let capacity = 16

    private struct State {
        var last = 0
        var watchers: [Int: AsyncStream<ServerTransferRecord>.Continuation] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// Every change from now on; ends with the task that reads it.
    func changes() -> AsyncStream<ServerTransferRecord> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ServerTransferRecord.self, bufferingPolicy: .bufferingNewest(Self.capacity))
        let number = state.withLock { state in
            state.last += 1
            state.watchers[state.last] = continuation
            return state.last
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.watchers.removeValue(forKey: number) }
        }
        return stream
    }

    func tell(_ row: ServerTransferRecord) {
        for watcher in state.withLock({ Array($0.watchers.values) }) { watcher.yield(row) }
    }

    var watcherCount: Int { state.withLock { $0.watchers.count } }
}
