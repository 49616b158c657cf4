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

    private enum Time: Hashable {
        case agent, client, total, idle
    }

    private struct State {
        var alarms: [Time: Alarm] = [:]
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
            set(.agent, limits.agentAttach, .agentDeadline(seconds: seconds), session)
        case .forClient:
            set(.client, limits.clientAttach, .clientDeadline, session)
            if let total = limits.total { set(.total, total, .totalDeadline, session) }
            if let idle = limits.idle {
                set(.idle, idle / IOStreamStateMachine.idleTicks, .idleTick, session, repeats: true)
            }
        }
    }

    func stop() {
        let alarms = state.withLock { state in
            state.isStopped = true
            defer { state.alarms = [:] }
            return state.alarms
        }
        for alarm in alarms.values { alarm.cancel() }
    }

    private func set(
        _ time: Time, _ delay: Duration, _ event: IOStreamStateMachine.Event, _ session: IOStreamSession,
        repeats: Bool = false
    ) {
        let alarm = Alarm(after: delay) { [weak self, weak session] in
            guard let self, let session else { return }
            session.handle(event)
            if repeats { set(time, delay, event, session, repeats: true) }
        }
        let isStopped = state.withLock { state in
            if !state.isStopped { state.alarms[time] = alarm }
            return state.isStopped
        }
        if isStopped { alarm.cancel() }
    }
}
