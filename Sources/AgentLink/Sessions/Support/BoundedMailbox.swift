import Transport

/// Nothing more can be sent: the mailbox was finished.
package struct MailboxFinished: Error {
    package init() {}
}

/// A queue from many senders to one receiver that holds senders back when it is full.
///
/// It is full from `maxCount` elements or `maxCost` on; an element that is larger by itself is taken when there is
/// room for any, so the bound is `maxCost` plus one element. Elements leave in the order they came. Whoever owns it
/// ends it with ``finish()`` or ``fail(_:)``, which wakes everybody who waits.
///
/// Either side may be a task, which waits in ``send(_:cost:)`` or ``next()``, or an event loop, which is called back
/// (`BoundedMailbox+Callbacks.swift`).
package final class BoundedMailbox<Element: Sendable>: Sendable {
    struct Sender {
        var id: UInt64
        var element: Element
        var cost: Int
        var continuation: CheckedContinuation<Void, any Error>
    }

    typealias Receiver = CheckedContinuation<Element?, any Error>
    typealias Callback = @Sendable () -> Void

    enum End {
        case open
        case finished
        case failed(any Error)
    }

    struct State {
        var queue = FIFO<(element: Element, cost: Int)>()
        var cost = 0
        var senders = FIFO<Sender>()
        var receiver: (id: UInt64, continuation: Receiver)?
        var end = End.open
        var nextID: UInt64 = 0
        /// Tells a receiver on a loop that there is something again; wanted since it found nothing.
        var onAvailable: Callback?
        var isStarved = false
        /// Tells a sender on a loop that there is room again; wanted since it filled the mailbox.
        var onRoom: Callback?
        var isCongested = false

        mutating func makeID() -> UInt64 {
            nextID += 1
            return nextID
        }

        mutating func append(_ element: Element, _ cost: Int) {
            queue.append((element, cost))
            self.cost += cost
        }

        /// Who is to be called for a new element.
        mutating func takeStarved() -> Callback? {
            guard isStarved else { return nil }
            isStarved = false
            return onAvailable
        }
    }

    let maxCount: Int
    let maxCost: Int
    let state = Lock(State())

    package init(maxCount: Int, maxCost: Int = .max) {
        self.maxCount = maxCount
        self.maxCost = maxCost
    }

    /// Queues `element`, when it must after a wait for room.
    /// - Throws: The failure, ``MailboxFinished``, or `CancellationError`; nothing was queued then.
    package func send(_ element: Element, cost: Int = 0) async throws {
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
        let (accepted, wake) = state.withLock { state -> (Bool, Callback?) in
            guard case .open = state.end else { return (false, nil) }
            if let receiver = state.receiver {
                state.receiver = nil
                return (true, { receiver.continuation.resume(returning: element) })
            }
            guard reserve > 0 ? state.queue.count < maxCount + reserve : hasRoom(state) && state.senders.isEmpty else {
                return (false, nil)
            }
            state.append(element, cost)
            return (true, state.takeStarved())
        }
        wake?()
        return accepted
    }

    /// The next element; `nil` once the mailbox is finished and empty. One receiver at a time.
    /// - Throws: The failure or `CancellationError`.
    package func next() async throws -> Element? {
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
    package func finish() {
        end(.finished)
    }

    /// Drops what is queued; senders and the receiver get `error`. Also ends a finished mailbox.
    package func fail(_ error: any Error) {
        end(.failed(error))
    }

    func hasRoom(_ state: State) -> Bool {
        state.queue.count < maxCount && state.cost < maxCost
    }

    private func enqueue(_ sender: Sender) {
        let resume: Callback? = state.withLock { state in
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
            state.append(sender.element, sender.cost)
            let wake = state.takeStarved()
            return {
                sender.continuation.resume()
                wake?()
            }
        }
        resume?()
    }

    private func receive(id: UInt64, _ continuation: Receiver) {
        let resume: Callback? = state.withLock { state in
            if case .failed(let error) = state.end { return { continuation.resume(throwing: error) } }
            if let (element, wake) = pop(&state) {
                return {
                    continuation.resume(returning: element)
                    wake()
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

    /// Takes the first element and lets senders that wait into the queue while there is room.
    /// - Returns: the element, and what is to be done without the lock; `nil` when there is none.
    func pop(_ state: inout State) -> (Element, Callback)? {
        guard let item = state.queue.popFirst() else { return nil }
        state.cost -= item.cost
        var admitted: [CheckedContinuation<Void, any Error>] = []
        while hasRoom(state), let sender = state.senders.popFirst() {
            state.append(sender.element, sender.cost)
            admitted.append(sender.continuation)
        }
        let onRoom = takeRoom(&state)
        return (
            item.element,
            { [admitted] in
                for sender in admitted { sender.resume() }
                onRoom?()
            }
        )
    }

    private func end(_ end: End) {
        let wake = state.withLock { state -> Callback? in
            switch (state.end, end) {
            case (.failed, _), (.finished, .finished): return nil
            case (_, .failed): (_, state.cost) = (state.queue.removeAll(), 0)
            default: break
            }
            state.end = end
            let receiver = state.receiver?.continuation
            state.receiver = nil
            let senders = state.senders.removeAll()
            let callbacks = takeEndCallbacks(&state)
            return {
                for sender in senders { sender.continuation.resume(throwing: end.error ?? MailboxFinished()) }
                if let error = end.error { receiver?.resume(throwing: error) } else { receiver?.resume(returning: nil) }
                for callback in callbacks { callback() }
            }
        }
        wake?()
    }
}

extension BoundedMailbox.End {
    var error: (any Error)? {
        guard case .failed(let error) = self else { return nil }
        return error
    }
}
