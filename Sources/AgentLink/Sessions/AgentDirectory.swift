import FoundationEssentials
package import Logging
import Synchronization
import Transport

/// The agents attached to this process: the ``AgentNetwork`` of a single gateway.
///
/// The ``AgentLinkService`` feeds it with streams; tools reach the agents through ``link(to:)``. Nothing here touches
/// a transport or a database. At the end of the process call ``shutdown()``.
package final class AgentDirectory: AgentNetwork {
    /// What was dropped and refused since the start.
    package let counters = AgentLinkCounters()

    let configuration: AgentLinkConfiguration
    let refusals: RefusalLog
    private let logger: Logger
    private let events: any AgentEventSink
    private let results: any AgentResultSink
    private let sessions = ShardedTable<Int64, AgentSession>()
    let streams = ShardedTable<String, IOStreamSession>()
    private let userStreams = Lock<[Int64: Int]>([:])
    private let isShutdown = Atomic<Bool>(false)

    /// - Parameters:
    ///   - events: watches what the agents report.
    ///   - results: takes the results of probes and scheduled commands.
    package init(
        configuration: AgentLinkConfiguration = .init(), events: any AgentEventSink = NoAgentEvents(),
        results: any AgentResultSink = NoAgentEvents(), logger: Logger = Logger(label: "agent-link")
    ) {
        self.configuration = configuration
        self.events = events
        self.results = results
        refusals = RefusalLog(logger: logger)
        self.logger = logger
    }

    /// A stream and its server's session hold each other until the stream ends.
    deinit { shutdown() }

    package func link(to id: Int64) async throws(AgentCallError) -> any AgentServerLink {
        guard let session = sessions[id], session.taskStream != nil else { throw .offline }
        return DirectoryLink(session: session, directory: self)
    }

    package func presence(of ids: [Int64]) async -> [Int64: AgentPresence] {
        var known: [Int64: AgentPresence] = [:]
        known.reserveCapacity(ids.count)
        for id in ids {
            if let presence = sessions[id]?.presence { known[id] = presence }
        }
        return known
    }

    package func reportVersions(of ids: [Int64]) async -> [UInt64]? { ids.map { sessions[$0]?.reportVersion ?? 0 } }

    package func disconnect(server id: Int64, detach: Bool) async {
        let session = detach ? sessions.remove(id) : sessions[id]
        session?.disconnect(detach: detach, reason: .serverRemoved)
    }

    /// Ends every stream of every agent and refuses new ones, so that the transport can drain. Idempotent.
    package func shutdown() {
        isShutdown.store(true, ordering: .sequentiallyConsistent)
        for session in sessions.values { session.disconnect(detach: true, reason: .shutdown) }
    }

    /// Servers with an open task stream.
    package var attachedCount: Int {
        sessions.values.reduce(0) { $0 + ($1.taskStream == nil ? 0 : 1) }
    }

    // MARK: For the service

    /// The session of an admitted server, made at its first call.
    func session(of id: Int64) throws(AgentStreamEnd) -> AgentSession {
        let session = sessions.value(id) {
            AgentSession(serverID: id, configuration: configuration, events: events, counters: counters) {
                [logger] in
                logger.warning(
                    "two machines report under the same UUID and take each other's place; give one a UUID of its own",
                    metadata: ["server": "\(id)"])
            }
        }
        // After the insertion: either shutdown() found this session, or this finds that it has begun.
        guard !isShutdown.load(ordering: .sequentiallyConsistent) else { throw .shutdown }
        return session
    }

    /// Sorts a result: to the call that awaits it, to the sink, or away.
    func receive(_ result: AgentTaskResult, on stream: TaskStream) {
        let type = AgentTaskType(rawValue: result.type)
        switch stream.complete(result) {
        case .matched: return
        case .mistyped:
            counters.count(.mistypedResult)
            refusals.refused("result of another type than its task", server: stream.serverID)
        case .late where type != .upgrade: counters.count(.lateResult)
        case .late, .unknown:
            if type == .keepalive { return }
            guard let type, type.isUnawaited else {
                counters.count(.unknownResult)
                return refusals.refused("result for a task that was not sent", server: stream.serverID)
            }
            results.result(server: stream.serverID, type: type, id: result.id, reply: result.reply)
        }
    }

    /// Refuses a message that is too large to be worked on; its call ends.
    func checkSize(_ bytes: Int, server: Int64) throws(OversizeMessage) {
        guard bytes > configuration.maxMessage else { return }
        refusals.refused("message larger than \(configuration.maxMessage) bytes", server: server)
        throw OversizeMessage(limit: configuration.maxMessage)
    }

    /// An agent was not joined to a stream.
    func refused(_ refusal: IOStreamRefusal, server: Int64) {
        counters.count(.refusedAttachment)
        refusals.refused(refusal.text, server: server)
    }

    /// The stream that an agent's first frame names, if it may attach to it.
    func attach(
        streamID: String, server: Int64, end: Promise<IOStreamSession.AgentEnd>
    ) throws(IOStreamRefusal) -> IOStreamSession {
        guard let stream = stream(streamID) else { throw .notAuthorized }
        try stream.attachAgent(server: server, end: end)
        return stream
    }

    /// The stream that somebody names. Ids are ours, of ASCII; no other text is compared with them.
    func stream(_ id: String) -> IOStreamSession? {
        id.utf8.allSatisfy { $0 < 0x80 } ? streams[id] : nil
    }

    // MARK: For links

    /// Makes a stream within the quotas (`agent-link.md` 3); it gives its slots back itself.
    /// - Parameter owner: who may attach later, by the stream's id; `nil` when the opener itself attaches.
    func register(
        _ purpose: AgentStreamPurpose, userID: Int64?, owner: AgentStreamCredential? = nil, on session: AgentSession
    ) throws(AgentCallError) -> IOStreamSession {
        let countsForUser = purpose == .transfer ? nil : userID
        if let userID = countsForUser, !takeSlot(of: userID, for: purpose) {
            throw .tooManyStreams("too many concurrent streams for this user")
        }
        let stream = IOStreamSession(
            id: UUID().uuidString.lowercased(), serverID: session.serverID, purpose: purpose, userID: countsForUser,
            owner: owner, configuration: configuration
        ) { [weak self] stream in
            session.remove(stream)
            self?.release(stream)
        }
        streams.set(stream, stream.id)
        guard session.add(stream) else {
            release(stream)
            throw session.taskStream == nil
                ? .offline : .tooManyStreams("too many concurrent streams for this server")
        }
        return stream
    }

    /// Streams registered now.
    var streamCount: Int { streams.values.count }

    private func takeSlot(of userID: Int64, for purpose: AgentStreamPurpose) -> Bool {
        let kept = purpose == .nat ? configuration.streamsNotForTunnels.ofUser : 0
        return userStreams.withLock { counts in
            guard counts[userID, default: 0] < configuration.streamsPerUser - kept else { return false }
            counts[userID, default: 0] += 1
            return true
        }
    }

    private func release(_ stream: IOStreamSession) {
        _ = streams.remove(stream.id)
        guard let userID = stream.userID else { return }
        userStreams.withLock { counts in
            guard let count = counts[userID] else { return }
            counts[userID] = count > 1 ? count - 1 : nil
        }
    }
}

/// A message of an agent is larger than the link takes.
struct OversizeMessage: Error {
    var limit: Int
}

extension AgentDirectory {
    /// Sends a task under an id of the caller: a service, cron or transfer id. Its result comes to the
    /// ``AgentResultSink``.
    package func send(_ type: AgentTaskType, id: UInt64, body: String, to server: Int64) async throws(AgentCallError) {
        guard let session = sessions[server] else { throw .offline }
        try await DirectoryLink(session: session, directory: self).send(type, id: id, body: body)
    }
}

extension AgentTaskType {
    /// Types whose results nobody waits for: their ids come from the database (`agent-link-details.md` 2), and an
    /// upgrade answers only when it failed.
    fileprivate var isUnawaited: Bool {
        switch self {
        case .httpGet, .icmpPing, .tcpPing, .command, .upgrade, .serverTransferApply: true
        default: false
        }
    }
}
