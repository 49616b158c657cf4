/// The rules of one IOStream (`agent-link.md` 3), without clock, lock or transport.
///
/// ```
///              agentAttaches ─▶ agentAttached ─ clientAttaches ─▶
/// created ──┤                        │                              open ── agentEnded ──▶ draining
///              clientAttaches ▶ clientAttached ─ agentAttaches ─▶     └──── clientClosed ─▶ closing ─▶ closed
/// ```
///
/// The two sides come in either order; each has its own time to come, and comes once. *finished*: the agent has ended
/// before a client came, who will still read what there is. *draining*: likewise, with the client there. *closing*: the
/// client is gone, and what it sent is still on its way to the agent. From every state a deadline, a limit or the loss
/// of a side leads to *closed*. The slots are released exactly once: on the way to `closing` or `closed`.
struct IOStreamStateMachine: Sendable {
    enum State: Sendable, Hashable, CaseIterable {
        case created
        case agentAttached
        case clientAttached
        case open
        case finished
        case draining
        case closing
        case closed
    }

    /// In so many silent ticks the idle limit is reached.
    static let idleTicks = 4

    private(set) var state = State.created
    private let server: Int64
    private let purpose: AgentStreamPurpose
    /// Who opened it for a person to attach; `nil` when only the opener itself attaches.
    private let owner: AgentStreamCredential?
    private var silentTicks = 0

    init(server: Int64, purpose: AgentStreamPurpose, owner: AgentStreamCredential? = nil) {
        self.server = server
        self.purpose = purpose
        self.owner = owner
    }

    /// Whether a client may attach now.
    func admits(_ client: Client) -> Bool {
        switch state {
        case .created, .agentAttached, .finished: break
        case .clientAttached, .open, .draining, .closing, .closed: return false
        }
        switch (client, owner) {
        case (.opener, nil): return true
        case (.claim(let claim), let owner?): return claim.purpose == purpose && claim.covers(owner)
        case (.opener, _?), (.claim, nil): return false
        }
    }

    mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .agentAttaches(let server): return attachAgent(server)
        case .clientAttaches(let client): return attachClient(client)
        case .agentDeadline(let seconds): return agentIsMissing(.notAttached(seconds: seconds))
        case .announcementLost: return agentIsMissing(.offline)
        case .clientDeadline: return clientIsMissing()
        case .agentSent(let isEmpty): return isEmpty ? [] : deliver()
        case .clientSent:
            silentTicks = 0
            return []
        case .agentEnded: return agentIsGone(.finishInbound)
        case .agentFailed, .rpcEnded: return agentIsLost(event)
        case .clientClosed: return clientIsGone()
        case .keepaliveDue: return hasAgent ? [.sendKeepalive] : []
        case .idleTick: return tick()
        case .totalDeadline: return end(.streamExpired("the stream has reached its time limit"))
        case .disconnected(let reason): return end(.brokenStream(reason)) + endOfLinger()
        case .lingerDeadline: return endOfLinger()
        }
    }

    private var hasAgent: Bool { state == .agentAttached || state == .open }

    // MARK: Attachment

    /// An id of another server answers like one that does not exist.
    private mutating func attachAgent(_ server: Int64) -> [Action] {
        guard server == self.server else { return [.refuseAgent(.notAuthorized)] }
        switch state {
        case .created: state = .agentAttached
        case .clientAttached: state = .open
        case .agentAttached, .open, .finished, .draining, .closing: return [.refuseAgent(.alreadyConnected)]
        case .closed: return [.refuseAgent(.notAuthorized)]
        }
        return [.acceptAgent, .wakeOpener]
    }

    private mutating func attachClient(_ client: Client) -> [Action] {
        guard admits(client) else { return [.refuseClient] }
        switch state {
        case .agentAttached: state = .open
        case .finished: state = .draining
        default:
            state = .clientAttached
            return [.acceptClient, .awaitAgent]
        }
        return [.acceptClient]
    }

    private mutating func agentIsMissing(_ error: AgentCallError) -> [Action] {
        state == .created || state == .clientAttached ? end(error) : []
    }

    private mutating func clientIsMissing() -> [Action] {
        switch state {
        case .created, .agentAttached, .finished: end(.streamExpired("nobody attached to the stream in time"))
        case .clientAttached, .open, .draining, .closing, .closed: []
        }
    }

    // MARK: Data

    private mutating func deliver() -> [Action] {
        guard hasAgent else { return [] }
        silentTicks = 0
        return [.deliver]
    }

    private mutating func tick() -> [Action] {
        silentTicks += 1
        return silentTicks < Self.idleTicks ? [] : end(.streamExpired("the stream was idle for too long"))
    }

    // MARK: Ends

    /// The agent's side has ended; the client may still read what came.
    private mutating func agentIsGone(_ notice: Action) -> [Action] {
        switch state {
        case .agentAttached: state = .finished
        case .open: state = .draining
        default: return []
        }
        return [notice, .endAgent]
    }

    private mutating func agentIsLost(_ event: Event) -> [Action] {
        guard state == .closing else {
            return agentIsGone(.failInbound(.brokenStream("the agent's stream was lost")))
        }
        state = .closed
        return event == .rpcEnded ? [] : [.endAgent]
    }

    private mutating func clientIsGone() -> [Action] {
        guard hasAgent else { return end(.brokenStream("closed")) }
        state = .closing
        return [.failInbound(.brokenStream("closed")), .drainOutbound, .release]
    }

    /// Ends a stream that still has its slots, whoever waits at it.
    private mutating func end(_ error: AgentCallError) -> [Action] {
        guard state != .closing, state != .closed else { return [] }
        state = .closed
        return [.failOpener(error), .failInbound(error), .endAgent, .release]
    }

    private mutating func endOfLinger() -> [Action] {
        guard state == .closing else { return [] }
        state = .closed
        return [.endAgent]
    }
}
