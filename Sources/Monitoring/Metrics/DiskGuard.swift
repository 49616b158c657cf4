import Synchronization

/// Watches the free space of a folder, so that measurements never fill the disk that other things need (`engines.md` 2).
package final class DiskGuard: Sendable {
    enum State: Sendable, Equatable {
        case enough, short
    }

    private let minimum: UInt64
    private let free: @Sendable () async -> UInt64?
    private let state = Mutex(State.enough)

    /// - Parameters:
    ///   - minimumBytes: with less than that nothing is kept.
    ///   - free: bytes that are free; `nil` where nobody can tell.
    package init(minimumBytes: UInt64, free: @escaping @Sendable () async -> UInt64?) {
        minimum = minimumBytes
        self.free = free
    }

    /// - Returns: the new state when it has changed since the last call.
    func check() async -> State? {
        guard let free = await free() else { return nil }
        return state.withLock { state in
            // A tenth more than the bound to begin again: no back and forth at the edge.
            let bound = state == .enough ? minimum : minimum + minimum / 10
            let new: State = free < bound ? .short : .enough
            guard new != state else { return nil }
            state = new
            return new
        }
    }
}
