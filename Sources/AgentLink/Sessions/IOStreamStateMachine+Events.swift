extension IOStreamStateMachine {
    /// Who takes the user's side.
    enum Client: Sendable, Equatable {
        /// Whoever opened a stream for itself (transfers, NAT) and waited for the agent.
        case opener
        /// A person, by the stream's id.
        case claim(AgentStreamClaim)
    }

    enum Event: Sendable, Equatable {
        /// An agent that speaks for server `server` named this stream in its first frame.
        case agentAttaches(server: Int64)
        case clientAttaches(Client)
        /// The agent did not come in time.
        case agentDeadline(seconds: Int)
        /// Nobody took the user's side in time.
        case clientDeadline
        /// The task stream that carried the announcement is gone, so the agent may never have seen it.
        case announcementLost
        case agentSent(isEmpty: Bool)
        case clientSent
        /// The agent half-closed.
        case agentEnded
        /// The agent's call failed.
        case agentFailed
        case clientClosed
        case keepaliveDue
        /// Comes ``idleTicks`` times in an idle limit.
        case idleTick
        case totalDeadline
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
        /// From now on the agent's time runs.
        case awaitAgent
        /// Tell the opener that the agent is there.
        case wakeOpener
        case failOpener(AgentCallError)
        /// Queue the frame for the client.
        case deliver
        case sendKeepalive
        /// The client reads what is queued, then the end.
        case finishInbound
        /// The client's reads fail now.
        case failInbound(AgentCallError)
        /// End the agent's call once what is queued for it was sent.
        case drainOutbound
        /// End the agent's call now.
        case endAgent
        /// Give the quotas back and forget the id.
        case release
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
