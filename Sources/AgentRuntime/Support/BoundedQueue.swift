import Synchronization

/// Nothing more can be put into the queue.
struct QueueEnded: Error {}

/// A queue that holds its senders back when it is full. One receiver at a time; elements keep their order.
///
/// Whoever owns it ends it: ``finish()`` lets the receiver take what is there, ``fail(_:)`` drops that.
final class BoundedQueue<Element: Sendable>: Sendable {
    private struct State {
        var items: [Element] = []
        var end: Result<Void, any Error>?
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextID: UInt64 = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) {
        self.limit = limit
    }

    /// Waits for room, then queues `element`.
    /// - Throws: ``QueueEnded``, the failure, or `CancellationError`; nothing was queued then.
    func send(_ element: Element) async throws {
        while true {
            try Task.checkCancellation()
            let sent = try state.withLock { state -> Bool in
                switch state.end {
                case .success: throw QueueEnded()
                case .failure(let error): throw error
                case nil: break
                }
                guard state.items.count < limit else { return false }
                state.items.append(element)
                return true
            }
            if sent { return wakeAll() }
            await wait { $0.end == nil && $0.items.count >= self.limit }
        }
    }

    /// The next element; `nil` once the queue is finished and empty.
    /// - Throws: The failure or `CancellationError`.
    func next() async throws -> Element? {
        while true {
            try Task.checkCancellation()
            let (item, isOver) = try state.withLock { state -> (Element?, Bool) in
                if case .failure(let error) = state.end { throw error }
                if state.items.isEmpty { return (nil, state.end != nil) }
                return (state.items.removeFirst(), false)
            }
            if let item {
                wakeAll()
                return item
            }
            if isOver { return nil }
            await wait { $0.end == nil && $0.items.isEmpty }
        }
    }

    func finish() {
        end(.success(()))
    }

    /// Also ends a finished queue.
    func fail(_ error: any Error) {
        end(.failure(error))
    }

    var isEnded: Bool { state.withLock { $0.end != nil } }

    private func end(_ end: Result<Void, any Error>) {
        state.withLock { state in
            switch (state.end, end) {
            case (.failure, _), (.success, .success): return
            case (_, .failure): state.items = []
            default: break
            }
            state.end = end
        }
        wakeAll()
    }

    /// Few wait at a time, so all are woken and look for themselves.
    private func wakeAll() {
        let waiters = state.withLock { state in
            let waiters = state.waiters.values
            state.waiters = [:]
            return waiters
        }
        waiters.forEach { $0.resume() }
    }

    /// Returns at a change of the queue or on cancellation, at once when `condition` does not hold.
    private func wait(while condition: @Sendable (borrowing State) -> Bool) async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let waits = state.withLock { state in
                    // Cancelled before the waiter was here to be found by the handler below.
                    guard condition(state), !Task.isCancelled else { return false }
                    state.waiters[id] = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}

/// Something that happens once, and may be waited for by many.
final class Signal: Sendable {
    private let queue = BoundedQueue<Never>(limit: 1)

    var isFired: Bool { queue.isEnded }

    func fire() {
        queue.finish()
    }

    /// Returns when it has fired or the waiting task is cancelled.
    func wait() async {
        _ = try? await queue.next()
    }
}
