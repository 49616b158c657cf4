package import struct FoundationEssentials.Date

/// Watches the agents: metrics, traffic, alerts, DDNS. Called on the event loop of the agent that reported, so every
/// method must return at once; hand slow work to a queue of your own.
///
/// Reports of one agent come in order. ``attached(server:epoch:)`` and ``detached(server:epoch:)`` may overtake each
/// other when an agent reconnects; the higher epoch is the newer stream.
package protocol AgentEventSink: Sendable {
    /// A task stream opened; calls can be made.
    func attached(server id: Int64, epoch: UInt64)
    /// The task stream of this epoch ended and no newer one is there.
    func detached(server id: Int64, epoch: UInt64)
    /// - Parameter previous: the last host report since the start, `nil` before the first.
    func reported(host: HostInfo, previous: HostInfo?, server id: Int64)
    /// - Parameter growth: traffic since the last report.
    func reported(state: HostState, growth: TrafficGrowth, at time: Date, server id: Int64)
    func reported(geoIP: GeoIPInfo, previous: GeoIPInfo?, server id: Int64)
}

extension AgentEventSink {
    package func attached(server id: Int64, epoch: UInt64) {}
    package func detached(server id: Int64, epoch: UInt64) {}
    package func reported(host: HostInfo, previous: HostInfo?, server id: Int64) {}
    package func reported(state: HostState, growth: TrafficGrowth, at time: Date, server id: Int64) {}
    package func reported(geoIP: GeoIPInfo, previous: GeoIPInfo?, server id: Int64) {}
}

/// Takes the results of tasks that nobody awaits: those sent with an id of the caller (probes, scheduled commands,
/// server transfers, upgrades). Must return at once. Whoever takes them checks that this server could have been asked.
package protocol AgentResultSink: Sendable {
    /// - Parameters:
    ///   - type: `httpGet`, `icmpPing`, `tcpPing`, `command`, `upgrade` or `serverTransferApply`; no other comes here.
    ///   - id: what the agent sent back: service, cron or transfer id.
    func result(server: Int64, type: AgentTaskType, id: UInt64, reply: AgentTaskReply)
}

/// Watches nothing.
package struct NoAgentEvents: AgentEventSink, AgentResultSink {
    package init() {}
    package func result(server: Int64, type: AgentTaskType, id: UInt64, reply: AgentTaskReply) {}
}
