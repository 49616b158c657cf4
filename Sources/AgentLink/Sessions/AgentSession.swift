import FoundationEssentials
import Transport

/// All that the gateway holds of one server's agent: its current streams, what it reported, what is open to it. One
/// small lock each, so ten thousand agents share none.
final class AgentSession: Sendable {
    private struct State {
        var presence = AgentPresence() {
            didSet { reportVersion = counters.nextReport() }
        }
        /// Another one after every change of `presence`.
        private(set) var reportVersion: UInt64
        var taskStream: TaskStream?
        var stateStream: StateStream?
        var streams: [String: IOStreamSession] = [:]
        var meter = TrafficMeter()
        var clones = CloneWatch()
        var epoch: UInt64 = 0
        var end: AgentStreamEnd?
        private let counters: AgentLinkCounters

        init(_ counters: AgentLinkCounters) {
            self.counters = counters
            reportVersion = counters.nextReport()
        }
    }

    let serverID: Int64
    private let configuration: AgentLinkConfiguration
    private let events: any AgentEventSink
    private let counters: AgentLinkCounters
    private let onClone: @Sendable () -> Void
    private let state: Lock<State>

    init(
        serverID: Int64, configuration: AgentLinkConfiguration, events: any AgentEventSink, counters: AgentLinkCounters,
        onClone: @escaping @Sendable () -> Void = {}
    ) {
        self.serverID = serverID
        self.configuration = configuration
        self.events = events
        self.counters = counters
        self.onClone = onClone
        state = Lock(State(counters))
    }

    // MARK: Task stream

    var taskStream: TaskStream? { state.withLock { $0.taskStream } }

    /// Makes a new task stream the current one. The older one is no longer found by any call before it is ended.
    func openTaskStream(_ extensions: AgentExtensions) throws(AgentStreamEnd) -> TaskStream {
        let now = configuration.now()
        var isCloneFound = false
        let opened: Result<(TaskStream, TaskStream?, [IOStreamSession]), AgentStreamEnd> = state.withLock { state in
            if let end = state.end { return .failure(end) }
            state.epoch += 1
            let stream = TaskStream(
                serverID: serverID, epoch: state.epoch, extensions: extensions, configuration: configuration)
            let old = state.taskStream
            state.taskStream = stream
            if old != nil {
                isCloneFound = state.clones.replaced(lastReport: state.presence.lastActive, at: now)
            }
            return .success((stream, old, old == nil ? [] : Array(state.streams.values)))
        }
        let (stream, old, announced) = try opened.get()
        if let old {
            counters.count(.supersededStream)
            old.end(.taskStreamSuperseded)
            for stream in announced { stream.handle(.announcementLost) }
        }
        if isCloneFound { onClone() }
        events.attached(server: serverID, epoch: stream.epoch)
        return stream
    }

    /// The agent's call is over. An older stream changes nothing.
    func closeTaskStream(_ stream: TaskStream) {
        let announced: [IOStreamSession]? = state.withLock { state in
            guard state.taskStream === stream else { return nil }
            state.taskStream = nil
            return Array(state.streams.values)
        }
        stream.end(.disconnected)
        guard let announced else { return }
        for stream in announced { stream.handle(.announcementLost) }
        events.detached(server: serverID, epoch: stream.epoch)
    }

    // MARK: Reports

    /// Makes a new state stream the current one and ends the older one.
    func openStateStream() throws(AgentStreamEnd) -> StateStream {
        let stream = StateStream(serverID: serverID)
        let opened: Result<StateStream?, AgentStreamEnd> = state.withLock { state in
            if let end = state.end { return .failure(end) }
            let old = state.stateStream
            state.stateStream = stream
            return .success(old)
        }
        if let old = try opened.get() {
            counters.count(.supersededStream)
            old.end(.stateStreamSuperseded)
        }
        return stream
    }

    /// The server shows as offline at once when its current state stream ends.
    func closeStateStream(_ stream: StateStream) {
        state.withLock { state in
            guard state.stateStream === stream else { return }
            state.stateStream = nil
            state.presence.lastActive = nil
        }
        stream.end(.disconnected)
    }

    func report(_ report: HostState, on stream: StateStream) throws(AgentStreamEnd) {
        let now = configuration.now()
        let growth: Result<TrafficGrowth, AgentStreamEnd> = state.withLock { state in
            guard state.stateStream === stream else { return .failure(state.end ?? .stateStreamSuperseded) }
            state.presence.reported(report, at: now)
            return .success(state.meter.state(bytesIn: report.netInTransfer, bytesOut: report.netOutTransfer))
        }
        events.reported(state: report, growth: try growth.get(), at: now, server: serverID)
    }

    /// A report with an earlier boot time counts too: clocks jitter (`engines-details.md` 1).
    func report(_ host: HostInfo) {
        let previous = state.withLock { state in
            let previous = state.presence.host
            state.presence.host = host
            state.meter.host(bootTime: host.bootTime)
            return previous
        }
        events.reported(host: host, previous: previous, server: serverID)
    }

    func report(_ geoIP: GeoIPInfo) {
        let previous = state.withLock { state in
            let previous = state.presence.geoIP
            state.presence.geoIP = geoIP
            return previous
        }
        events.reported(geoIP: geoIP, previous: previous, server: serverID)
    }

    /// `nil` when the agent never said anything and is not attached.
    var presence: AgentPresence? {
        let now = configuration.now()
        return state.withLock { state in
            var presence = state.presence
            presence.isDuplicated = state.clones.isDuplicated(at: now)
            presence.isAttached = state.taskStream != nil
            let isKnown = presence.isAttached || presence.host != nil || presence.state != nil || presence.geoIP != nil
            return isKnown ? presence : nil
        }
    }

    /// As ``AgentNetwork/reportVersions(of:)``.
    var reportVersion: UInt64 { state.withLock { $0.reportVersion } }

    // MARK: IOStreams

    /// - Returns: `false` when the server's quota is used up, or nothing may be opened any more.
    func add(_ stream: IOStreamSession) -> Bool {
        let kept = stream.purpose == .nat ? configuration.streamsNotForTunnels.ofServer : 0
        return state.withLock { state in
            guard state.end == nil, state.streams.count < configuration.streamsPerServer - kept else { return false }
            state.streams[stream.id] = stream
            return true
        }
    }

    func remove(_ stream: IOStreamSession) {
        state.withLock { _ = $0.streams.removeValue(forKey: stream.id) }
    }

    var streamCount: Int { state.withLock { $0.streams.count } }

    // MARK: End

    /// Ends the IOStreams; with `detach` the task and state streams too, after which nothing opens here.
    func disconnect(detach: Bool, reason: AgentStreamEnd) {
        let (streams, taskStream, stateStream) = state.withLock { state in
            let streams = Array(state.streams.values)
            guard detach else { return (streams, nil as TaskStream?, nil as StateStream?) }
            defer {
                state.end = reason
                state.taskStream = nil
                state.stateStream = nil
                state.presence.lastActive = nil
            }
            return (streams, state.taskStream, state.stateStream)
        }
        let text = reason == .shutdown ? "the gateway is shutting down" : "the server was disconnected"
        for stream in streams { stream.handle(.disconnected(text)) }
        stateStream?.end(reason)
        guard let taskStream else { return }
        taskStream.end(reason)
        events.detached(server: serverID, epoch: taskStream.epoch)
    }
}
