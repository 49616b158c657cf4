import Transport

// A mailbox whose sender or receiver is an event loop, which never waits.

extension BoundedMailbox {
    enum Taken {
        case element(Element)
        /// Nothing now; the callback of ``whenAvailable(_:)`` comes once.
        case empty
        /// The receiver takes nothing now, and calls again when it does.
        case heldBack
        /// With the failure, if it was one.
        case ended((any Error)?)
    }

    enum Intake {
        case taken
        /// Taken, and the mailbox is full: the callback of ``whenRoom(_:)`` comes once, no element should come before it.
        case full
        /// Not taken: nobody receives any more.
        case ended
    }

    // MARK: Receiving

    /// - Parameter wake: called without the lock, from whoever sends: after ``take(heldBack:)`` found nothing and
    ///   something came, and when the mailbox fails. It should only tell the receiver's loop.
    func whenAvailable(_ wake: Callback?) {
        state.withLock { $0.onAvailable = wake }
    }

    /// Takes the next element, if there is one.
    /// - Parameter heldBack: look only whether the mailbox has failed.
    func take(heldBack: Bool = false) -> Taken {
        let (taken, wake) = state.withLock { state -> (Taken, Callback?) in
            if let error = state.end.error { return (.ended(error), nil) }
            if heldBack { return (.heldBack, nil) }
            if let (element, wake) = pop(&state) { return (.element(element), wake) }
            if case .finished = state.end { return (.ended(nil), nil) }
            state.isStarved = true
            return (.empty, nil)
        }
        wake?()
        return taken
    }

    // MARK: Sending

    /// - Parameter wake: called without the lock, from whoever receives: after ``push(_:cost:)`` filled the mailbox, and
    ///   half of it was taken or it has ended.
    func whenRoom(_ wake: Callback?) {
        state.withLock { $0.onRoom = wake }
    }

    /// Queues an element whether or not there is room: the one that a peer has sent before it could be held back.
    func push(_ element: Element, cost: Int) -> Intake {
        let (intake, wake) = state.withLock { state -> (Intake, Callback?) in
            guard case .open = state.end else { return (.ended, nil) }
            if let receiver = state.receiver {
                state.receiver = nil
                return (.taken, { receiver.continuation.resume(returning: element) })
            }
            state.append(element, cost)
            state.isCongested = !hasRoom(state)
            return (state.isCongested ? .full : .taken, state.takeStarved())
        }
        wake?()
        return intake
    }

    /// Who is to be called when half of the mailbox is free again: a peer that is stopped and started with every
    /// element would be slow.
    func takeRoom(_ state: inout State) -> Callback? {
        guard state.isCongested, state.queue.count <= maxCount / 2, state.cost <= maxCost / 2 else { return nil }
        state.isCongested = false
        return state.onRoom
    }

    /// Who is to be called when the mailbox has ended. A receiver that is held back learns of a failure, too.
    func takeEndCallbacks(_ state: inout State) -> [Callback] {
        let isWaiting = state.isStarved || state.end.error != nil
        let callbacks = [isWaiting ? state.onAvailable : nil, state.isCongested ? state.onRoom : nil]
        (state.isStarved, state.isCongested) = (false, false)
        return callbacks.compactMap(\.self)
    }
}
