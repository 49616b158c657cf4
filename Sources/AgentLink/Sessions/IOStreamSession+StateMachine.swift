/// The rules of one IOStream (`agent-link.md` 3), without clock, lock or transport.
///
/// ```
/// created ── agentAttached ──▶ agentAttached ── clientAttached ──▶ open
///    │                              └───────────┬─────────────────┘
///    │                        agentEnded │      │ clientClosed
///    │                                   ▼      ▼
///    │                            draining      closing ── rpcEnded, lingerDeadline ──▶ closed
///    └── deadline, lost, closed ─────────│─────────────────────────────────────────────▶ closed
///                                        └── clientClosed ─────────────────────────────▶ closed
/// ```
///
/// *draining*: the agent has ended the stream and the client may still read what came. *closing*: the client is gone,
/// and what it sent is still on its way to the agent. The slots are released exactly once, on every way to `closed`.
struct IOStreamStateMachine: Sendable {
    enum State: Sendable, Hashable, CaseIterable {
        case created
        case agentAttached
        case open
        case draining
        case closing
        case closed
    }

    enum Event: Sendable, Equatable {
        /// An agent that speaks for server `server` named this stream in its first frame.
        case agentAttaches(server: Int64)
        /// The user's side takes the stream, for this purpose.
        case clientAttaches(AgentStreamPurpose)
        /// The agent did not come in time.
        case attachDeadline(seconds: Int)
        /// The task stream that carried the announcement is gone, so the agent may never have seen it.
        case announcementLost
        case agentSent(isEmpty: Bool)
        /// The agent half-closed.
        case agentEnded
        /// The agent's call failed.
        case agentFailed
        case clientClosed
        case keepaliveDue
        /// The server was removed, or the gateway stops.
        case disconnected(String)
        /// What the client sent last did not reach the agent in time.
        case lingerDeadline
        /// The agent's call is over.
        case rpcEnded
    }

    enum Action: Sendable, Equatable {
        case acceptAgent
        case refuseAgent(IOStreamRefusal)
        case acceptClient
        case refuseClient
        /// Tell the opener that the agent is there.
        case wakeOpener
        case failOpener(AgentCallError)
        /// Queue the frame for the client.
        case deliver
        case sendKeepalive
        /// The client reads what is queued, then the end.
        case finishInbound
        /// The client's reads fail now.
        case failInbound(String)
        /// End the agent's call once what is queued for it was sent.
        case drainOutbound
        /// End the agent's call now.
        case endAgent
        /// Give the quotas back and forget the id.
        case release
    }

    private(set) var state = State.created
    private let server: Int64
    private let purpose: AgentStreamPurpose

    init(server: Int64, purpose: AgentStreamPurpose) {
        self.server = server
        self.purpose = purpose
    }

    mutating func handle(_ event: Event) -> [Action] {
        if case .agentAttaches(let server) = event { return attach(server) }
        switch state {
        case .created: return whenCreated(event)
        case .agentAttached, .open: return whenAttached(event)
        case .draining: return whenDraining(event)
        case .closing: return whenClosing(event)
        case .closed: return whenClosed(event)
        }
    }

    /// An id of another server answers like one that does not exist.
    private mutating func attach(_ server: Int64) -> [Action] {
        guard server == self.server else { return [.refuseAgent(.notAuthorized)] }
        switch state {
        case .created:
            state = .agentAttached
            return [.acceptAgent, .wakeOpener]
        case .agentAttached, .open, .draining, .closing: return [.refuseAgent(.alreadyConnected)]
        case .closed: return [.refuseAgent(.notAuthorized)]
        }
    }

    private mutating func whenCreated(_ event: Event) -> [Action] {
        let error: AgentCallError
        switch event {
        case .attachDeadline(let seconds): error = .notAttached(seconds: seconds)
        case .announcementLost: error = .offline
        case .clientClosed: error = .brokenStream("closed")
        case .disconnected(let reason): error = .brokenStream(reason)
        case .clientAttaches: return [.refuseClient]
        case .agentAttaches, .agentSent, .agentEnded, .agentFailed, .keepaliveDue, .lingerDeadline, .rpcEnded:
            return []
        }
        state = .closed
        return [.failOpener(error), .failInbound("closed"), .endAgent, .release]
    }

    private mutating func whenAttached(_ event: Event) -> [Action] {
        switch event {
        case .clientAttaches(let purpose):
            guard state == .agentAttached, purpose == self.purpose else { return [.refuseClient] }
            state = .open
            return [.acceptClient]
        case .agentSent(let isEmpty):
            return isEmpty ? [] : [.deliver]
        case .agentEnded:
            state = .draining
            return [.finishInbound, .endAgent]
        case .agentFailed, .rpcEnded:
            state = .draining
            return [.failInbound("the agent's stream was lost"), .endAgent]
        case .clientClosed:
            state = .closing
            return [.failInbound("closed"), .drainOutbound, .release]
        case .disconnected(let reason):
            state = .closed
            return [.failInbound(reason), .endAgent, .release]
        case .keepaliveDue:
            return [.sendKeepalive]
        case .agentAttaches, .attachDeadline, .announcementLost, .lingerDeadline:
            return []
        }
    }

    private mutating func whenDraining(_ event: Event) -> [Action] {
        switch event {
        case .clientAttaches(let purpose):
            // The agent came and went between its attachment and the opener's waking.
            return purpose == self.purpose ? [.acceptClient] : [.refuseClient]
        case .clientClosed:
            state = .closed
            return [.failInbound("closed"), .release]
        case .disconnected(let reason):
            state = .closed
            return [.failInbound(reason), .release]
        case .agentAttaches, .attachDeadline, .announcementLost, .agentSent, .agentEnded, .agentFailed,
            .keepaliveDue, .lingerDeadline, .rpcEnded:
            return []
        }
    }

    private mutating func whenClosing(_ event: Event) -> [Action] {
        switch event {
        case .lingerDeadline, .disconnected, .agentFailed:
            state = .closed
            return [.endAgent]
        case .rpcEnded:
            state = .closed
            return []
        case .clientAttaches:
            return [.refuseClient]
        case .agentAttaches, .attachDeadline, .announcementLost, .agentSent, .agentEnded, .clientClosed,
            .keepaliveDue:
            return []
        }
    }

    private mutating func whenClosed(_ event: Event) -> [Action] {
        if case .clientAttaches = event { return [.refuseClient] }
        return []
    }
}

/// Why an agent's attachment was refused (`agent-link-details.md` 3).
enum IOStreamRefusal: Error, Sendable, Hashable {
    /// The first frame is no attach frame, or none came in time.
    case invalidID
    /// No stream of this id waits for this agent; whether it exists elsewhere is not said.
    case notAuthorized
    case alreadyConnected

    /// What the peer is told.
    var text: String {
        switch self {
        case .invalidID: "invalid stream id"
        case .notAuthorized: "stream not authorized for agent"
        case .alreadyConnected: "agent stream already connected"
        }
    }
}
