import Synchronization

/// One transfer from its admission to its end: it can be stopped from outside with a cause, and whatever way it ends,
/// it is settled once.
///
/// Registered as live work, so the kill switch, lost rights, an expired token and the deadline reach it (`mcp.md` 6).
final class LiveTransfer: Sendable {
    private struct State {
        var cause: CancellationCause?
        var stops: [@Sendable (CancellationCause) -> Void] = []
        var work: LiveWork.ID?
        var isSettled = false
        var isAgentWorking = false
    }

    let grant: TransferGrant
    private let live: LiveWork
    private let slot: TransferSlots.Slot
    private let report: @Sendable (ToolFailure?, _ auditText: String?) -> Void
    private let state = Mutex(State())

    /// - Parameter report: called once, when the transfer is settled; the text is what only the audit row tells.
    init(
        _ grant: TransferGrant, live: LiveWork, slot: TransferSlots.Slot,
        report: @escaping @Sendable (ToolFailure?, _ auditText: String?) -> Void
    ) {
        self.grant = grant
        self.live = live
        self.slot = slot
        self.report = report
    }

    /// Registers. Where the right is gone already, ``cause`` is set when this returns. ``settle(_:)`` must follow.
    func begin(
        as principal: Principal, deadline: ContinuousClock.Instant,
        isAllowed: @escaping @Sendable (Principal) -> Bool
    ) async {
        let work = await live.begin(
            LiveWork.Entry(
                principal: principal, origin: .transfer, subject: grant.direction.subject, deadline: deadline,
                isAllowed: isAllowed, cancel: { self.stop($0) }))
        state.withLock { $0.work = work }
    }

    /// Why it was stopped; `nil` while it was not.
    var cause: CancellationCause? { state.withLock { $0.cause } }

    /// Ends the transfer; the first cause wins.
    func stop(_ cause: CancellationCause) {
        let stops = state.withLock { state in
            guard state.cause == nil, !state.isSettled else { return [@Sendable (CancellationCause) -> Void]() }
            state.cause = cause
            defer { state.stops = [] }
            return state.stops
        }
        for stop in stops { stop(cause) }
    }

    /// Says whether the agent has a stream of this transfer open.
    func note(isAgentWorking: Bool) { state.withLock { $0.isAgentWorking = isAgentWorking } }

    /// `action` runs when the transfer is stopped, at once when it is already.
    func onStop(_ action: @escaping @Sendable (CancellationCause) -> Void) {
        let cause = state.withLock { state in
            if state.cause == nil { state.stops.append(action) }
            return state.cause
        }
        if let cause { action(cause) }
    }

    /// Runs work that is cancelled when the transfer is stopped; the caller's own cancellation stops it as `clientGone`.
    func perform<T: Sendable>(_ work: @escaping @Sendable () async throws -> T) async throws -> T {
        if let cause { throw TransferFault.cancelled(cause) }
        let running = Task { try await work() }
        onStop { _ in running.cancel() }
        do {
            return try await withTaskCancellationHandler {
                try await running.value
            } onCancel: {
                stop(.clientGone)
            }
        } catch {
            // What was stopped may report the closed stream instead.
            throw cause.map { TransferFault.cancelled($0) } ?? error
        }
    }

    /// Ends the bookkeeping: the slot is free, the audit row written. Only the first call counts.
    /// - Parameter fault: `nil` for a success.
    func settle(_ fault: TransferFault?) {
        let (first, work, isAgentWorking) = state.withLock { state in
            defer {
                state.isSettled = true
                state.stops = []
            }
            return (!state.isSettled, state.work, state.isAgentWorking)
        }
        guard first else { return }
        if let work { live.end(work) }
        slot.release()
        guard let failure = fault?.failure, case .cancelled = failure, isAgentWorking else {
            return report(fault?.failure, fault?.text)
        }
        // Every agent ends a transfer with its stream, so unlike a command it never goes on (`agent-link.md` 6).
        let stopped = AnnotatedFailure(failure: failure, note: "the agent's stream was closed, which ends its work")
        report(failure, stopped.auditText)
    }
}
