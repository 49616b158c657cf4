import Transport

/// One IOStream: the rules are those of ``IOStreamStateMachine``, this carries them out.
///
/// Opened and closed by the user's side (``DirectoryStream``). The agent's side is the service's `IOStream` call, which
/// feeds ``agentSent(_:)`` and sends what ``outbound`` holds. Each direction is a bounded mailbox, so a side that does
/// not read holds the other one back: from the browser's socket to the agent's window, and the other way.
final class IOStreamSession: Sendable {
    /// How the agent's call ends.
    enum AgentEnd: Sendable {
        case now
        /// When ``outbound`` is empty, or at the linger deadline.
        case afterDraining
    }

    private struct Core {
        var machine: IOStreamStateMachine
        /// Whether the agent's call has to end; there is a call only after the attachment.
        var end: Promise<AgentEnd>?
    }

    let id: String
    let serverID: Int64
    let purpose: AgentStreamPurpose
    let userID: Int64?
    /// To the agent.
    let outbound: BoundedMailbox<[UInt8]>
    /// From the agent.
    private let inbound: BoundedMailbox<[UInt8]>
    private let attachment = Promise<Void>()
    private let core: Lock<Core>
    private let timers: IOStreamTimers
    private let onRelease: @Sendable (IOStreamSession) -> Void

    /// - Parameters:
    ///   - userID: whose quota counts.
    ///   - owner: who opened it for a person to attach; `nil` when the opener itself attaches.
    init(
        id: String, serverID: Int64, purpose: AgentStreamPurpose, userID: Int64?, owner: AgentStreamCredential? = nil,
        configuration: AgentLinkConfiguration, onRelease: @escaping @Sendable (IOStreamSession) -> Void
    ) {
        self.id = id
        self.serverID = serverID
        self.purpose = purpose
        self.userID = userID
        let bounds = configuration.streamQueue
        outbound = BoundedMailbox(maxCount: bounds.count, maxCost: bounds.bytes)
        inbound = BoundedMailbox(maxCount: bounds.count, maxCost: bounds.bytes)
        core = Lock(Core(machine: IOStreamStateMachine(server: serverID, purpose: purpose, owner: owner)))
        timers = IOStreamTimers(limits: configuration.streamLimits[purpose])
        self.onRelease = onRelease
    }

    var state: IOStreamStateMachine.State { core.withLock { $0.machine.state } }

    // MARK: The agent's side

    /// - Parameters:
    ///   - server: whom the caller was admitted as.
    ///   - end: resolved when the gateway ends the call.
    func attachAgent(server: Int64, end: Promise<AgentEnd>) throws(IOStreamRefusal) {
        let actions = core.withLock { core in
            let actions = core.machine.handle(.agentAttaches(server: server))
            if actions.contains(.acceptAgent) { core.end = end }
            return actions
        }
        for case .refuseAgent(let refusal) in actions { throw refusal }
        perform(actions)
    }

    /// Takes a frame of the agent. When the reader has not caught up, the agent is to be held back until the callback of
    /// ``whenReaderCaughtUp(_:)`` comes.
    func agentSent(_ frame: [UInt8]) -> BoundedMailbox<[UInt8]>.Intake {
        guard handle(.agentSent(isEmpty: frame.isEmpty)).contains(.deliver) else {
            return state == .closed ? .ended : .taken
        }
        return inbound.push(frame, cost: frame.count)
    }

    /// Set by the agent's call, and taken away by it.
    func whenReaderCaughtUp(_ callback: (@Sendable () -> Void)?) {
        inbound.whenRoom(callback)
    }

    /// Runs the machine and what it asks for.
    @discardableResult
    func handle(_ event: IOStreamStateMachine.Event) -> [IOStreamStateMachine.Action] {
        let actions = core.withLock { $0.machine.handle(event) }
        perform(actions)
        return actions
    }

    // MARK: The user's side

    /// Starts the times that a stream has which waits for a person.
    func awaitClient() {
        timers.start(.forClient, for: self)
    }

    func admits(_ claim: AgentStreamClaim) -> Bool {
        core.withLock { $0.machine.admits(.claim(claim)) }
    }

    /// Gives the user's side to whoever named the id, if they may have it; the agent may come later.
    func attachClient(_ claim: AgentStreamClaim) -> Bool {
        handle(.clientAttaches(.claim(claim))).contains(.acceptClient)
    }

    /// Waits for the agent, then takes the stream for the user.
    func waitForAgent(_ timeout: Duration) async throws {
        do {
            try await attachment.value(within: timeout)
        } catch is DeadlineExceeded {
            handle(.agentDeadline(seconds: Int(timeout.components.seconds)))
            // Fails with the deadline, unless the agent came in this very moment.
            try await attachment.value()
        }
        guard handle(.clientAttaches(.opener)).contains(.acceptClient) else {
            throw AgentCallError.brokenStream("closed")
        }
    }

    func receive() async throws -> [UInt8]? {
        try await inbound.next()
    }

    func send(_ frame: [UInt8]) async throws {
        do {
            try await outbound.send(frame, cost: frame.count)
            handle(.clientSent)
        } catch is MailboxFinished {
            throw AgentCallError.brokenStream("closed")
        }
    }

    private func perform(_ actions: [IOStreamStateMachine.Action]) {
        for action in actions {
            switch action {
            case .acceptAgent, .refuseAgent, .acceptClient, .refuseClient, .deliver: break
            // Below: whoever is told that it is over finds its slots free.
            case .wakeOpener, .failOpener, .finishInbound, .failInbound: break
            case .awaitAgent: timers.start(.forAgent, for: self)
            case .sendKeepalive: _ = outbound.offer([])
            case .drainOutbound:
                outbound.finish()
                endAgent(.afterDraining)
            case .endAgent:
                outbound.fail(AgentCallError.brokenStream("the stream has ended"))
                endAgent(.now)
            case .release:
                timers.stop()
                onRelease(self)
            }
        }
        for action in actions {
            switch action {
            case .wakeOpener: attachment.resolve(.success(()))
            case .failOpener(let error): attachment.resolve(.failure(error))
            case .finishInbound: inbound.finish()
            case .failInbound(let error): inbound.fail(error)
            default: break
            }
        }
    }

    private func endAgent(_ end: AgentEnd) {
        core.withLock { $0.end }?.resolve(.success(end))
    }
}

/// The user's end of an ``IOStreamSession``.
struct DirectoryStream: AgentStream {
    let session: IOStreamSession

    var id: String { session.id }

    func receive() async throws -> [UInt8]? {
        try await session.receive()
    }

    func send(_ frame: [UInt8]) async throws {
        try await session.send(frame)
    }

    func close() async {
        session.handle(.clientClosed)
    }
}
