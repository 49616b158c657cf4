import Transport

/// Turns the times of one IOStream into events of its state machine. The session that owns it stops it when it gives
/// its slots back; nothing runs or is kept alive after that.
final class IOStreamTimers: Sendable {
    enum Phase: Sendable {
        /// The stream waits for its user; its idle and total time begin.
        case forClient
        /// The user waits for the agent.
        case forAgent
    }

    private struct State {
        var tasks: [Task<Void, Never>] = []
        var isStopped = false
    }

    private let limits: AgentStreamLimits
    private let state = Lock(State())

    init(limits: AgentStreamLimits) {
        self.limits = limits
    }

    func start(_ phase: Phase, for session: IOStreamSession) {
        switch phase {
        case .forAgent:
            let seconds = Int(limits.agentAttach.components.seconds)
            after(limits.agentAttach, .agentDeadline(seconds: seconds), session)
        case .forClient:
            after(limits.clientAttach, .clientDeadline, session)
            if let total = limits.total { after(total, .totalDeadline, session) }
            if let idle = limits.idle {
                after(idle / IOStreamStateMachine.idleTicks, .idleTick, session, repeats: true)
            }
        }
    }

    func stop() {
        let tasks = state.withLock { state in
            state.isStopped = true
            defer { state.tasks = [] }
            return state.tasks
        }
        for task in tasks { task.cancel() }
    }

    private func after(
        _ time: Duration, _ event: IOStreamStateMachine.Event, _ session: IOStreamSession, repeats: Bool = false
    ) {
        let task = Task { [weak session] in
            repeat {
                // A cancelled sleep means that the stream has ended.
                guard (try? await Task.sleep(for: time)) != nil, let session else { return }
                session.handle(event)
            } while repeats
        }
        let isStopped = state.withLock { state in
            if !state.isStopped { state.tasks.append(task) }
            return state.isStopped
        }
        if isStopped { task.cancel() }
    }
}
