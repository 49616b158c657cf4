import Synchronization

/// Nothing more can be sent: the mailbox was finished.
struct MailboxFinished: Error {}

/// A queue from many senders to one receiver that holds senders back when it is full.
///
/// It is full from `maxCount` elements or `maxCost` on; an element that is larger by itself is taken when there is
/// room for any, so the bound is `maxCost` plus one element. Elements leave in the order they came. Whoever owns it
/// ends it with ``finish()`` or ``fail(_:)``, which wakes everybody who waits.
final class BoundedMailbox<Element: Sendable>: Sendable {
    private struct Sender {
        var id: UInt64
        var element: Element
        var cost: Int
        var continuation: CheckedContinuation<Void, any Error>
    }

    private typealias Receiver = CheckedContinuation<Element?, any Error>

    private enum End {
        case open
        case finished
        case failed(any Error)
    }

    private struct State {
        var queue = FIFO<(element: Element, cost: Int)>()
        var cost = 0
        var senders = FIFO<Sender>()
        var receiver: (id: UInt64, continuation: Receiver)?
        var end = End.open
        var nextID: UInt64 = 0

        mutating func makeID() -> UInt64 {
            nextID += 1
            return nextID
        }
    }

    private let maxCount: Int
    private let maxCost: Int
    private let state = Mutex(State())

    init(maxCount: Int, maxCost: Int) {
        self.maxCount = maxCount
        self.maxCost = maxCost
    }

    /// Queues `element`, when it must after a wait for room.
    /// - Throws: The failure, ``MailboxFinished``, or `CancellationError`; nothing was queued then.
    func send(_ element: Element, cost: Int = 0) async throws {
        try Task.checkCancellation()
        let id = state.withLock { $0.makeID() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let sender = Sender(id: id, element: element, cost: cost, continuation: continuation)
                enqueue(sender)
            }
        } onCancel: {
            let sender = state.withLock { state in state.senders.removeFirst { $0.id == id } }
            sender?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Queues `element` if there is room now; `reserve` elements more than the bound may be there then.
    /// - Returns: Whether it was queued.
    func offer(_ element: Element, cost: Int = 0, reserve: Int = 0) -> Bool {
        let (accepted, receiver) = state.withLock { state -> (Bool, Receiver?) in
            guard case .open = state.end else { return (false, nil) }
            if let receiver = state.receiver {
                state.receiver = nil
                return (true, receiver.continuation)
            }
            guard reserve > 0 ? state.queue.count < maxCount + reserve : hasRoom(state) && state.senders.isEmpty else {
                return (false, nil)
            }
            state.queue.append((element, cost))
            state.cost += cost
            return (true, nil)
        }
        receiver?.resume(returning: element)
        return accepted
    }

    /// The next element; `nil` once the mailbox is finished and empty. One receiver at a time.
    /// - Throws: The failure or `CancellationError`.
    func next() async throws -> Element? {
        let id = state.withLock { $0.makeID() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: Receiver) in
                receive(id: id, continuation)
            }
        } onCancel: {
            let receiver = state.withLock { state -> Receiver? in
                guard let receiver = state.receiver, receiver.id == id else { return nil }
                state.receiver = nil
                return receiver.continuation
            }
            receiver?.resume(throwing: CancellationError())
        }
    }

    /// Takes nothing more; what is queued can still be received. Idempotent.
    func finish() {
        end(.finished)
    }

    /// Drops what is queued; senders and the receiver get `error`. Also ends a finished mailbox.
    func fail(_ error: any Error) {
        end(.failed(error))
    }

    private func hasRoom(_ state: State) -> Bool {
        state.queue.count < maxCount && state.cost < maxCost
    }

    private func enqueue(_ sender: Sender) {
        let resume: (() -> Void)? = state.withLock { state in
            switch state.end {
            case .finished: return { sender.continuation.resume(throwing: MailboxFinished()) }
            case .failed(let error): return { sender.continuation.resume(throwing: error) }
            case .open: break
            }
            if Task.isCancelled { return { sender.continuation.resume(throwing: CancellationError()) } }
            if let receiver = state.receiver {
                state.receiver = nil
                return {
                    receiver.continuation.resume(returning: sender.element)
                    sender.continuation.resume()
                }
            }
            guard hasRoom(state), state.senders.isEmpty else {
                state.senders.append(sender)
                return nil
            }
            state.queue.append((sender.element, sender.cost))
            state.cost += sender.cost
            return { sender.continuation.resume() }
        }
        resume?()
    }

    private func receive(id: UInt64, _ continuation: Receiver) {
        let resume: (() -> Void)? = state.withLock { state in
            if case .failed(let error) = state.end { return { continuation.resume(throwing: error) } }
            if let item = state.queue.popFirst() {
                state.cost -= item.cost
                let admitted = admit(&state)
                return {
                    continuation.resume(returning: item.element)
                    admitted.forEach { $0.resume() }
                }
            }
            if case .finished = state.end { return { continuation.resume(returning: nil) } }
            // A second receiver at the same time is a mistake of the caller; it gets nothing.
            if Task.isCancelled || state.receiver != nil {
                return { continuation.resume(throwing: CancellationError()) }
            }
            state.receiver = (id, continuation)
            return nil
        }
        resume?()
    }

    /// Moves senders that wait into the queue while there is room.
    private func admit(_ state: inout State) -> [CheckedContinuation<Void, any Error>] {
        var admitted: [CheckedContinuation<Void, any Error>] = []
        while hasRoom(state), let sender = state.senders.popFirst() {
            state.queue.append((sender.element, sender.cost))
            state.cost += sender.cost
            admitted.append(sender.continuation)
        }
        return admitted
    }

    private func end(_ end: End) {
        let (senders, receiver) = state.withLock { state -> ([Sender], Receiver?) in
            switch (state.end, end) {
            case (.failed, _), (.finished, .finished): return ([], nil)
            case (_, .failed): _ = state.queue.removeAll()
            default: break
            }
            state.end = end
            let receiver = state.receiver?.continuation
            state.receiver = nil
            return (state.senders.removeAll(), receiver)
        }
        switch end {
        case .failed(let error):
            senders.forEach { $0.continuation.resume(throwing: error) }
            receiver?.resume(throwing: error)
        case .finished, .open:
            senders.forEach { $0.continuation.resume(throwing: MailboxFinished()) }
            receiver?.resume(returning: nil)
        }
    }
}
