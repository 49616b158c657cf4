package import struct FoundationEssentials.Date

/// Bounds and rhythms of the agent link; the defaults are those of `agent-link.md` and `agent-link-details.md`.
package struct AgentLinkConfiguration: Sendable {
    /// Between two keep-alive tasks to an attached agent.
    package var taskKeepalive: Duration = .seconds(20)
    /// Between two empty frames on an IOStream.
    package var streamKeepalive: Duration = .seconds(30)
    /// How long an agent may take to name the stream it opened.
    package var firstFrameTimeout: Duration = .seconds(10)
    /// How long a task whose result is awaited may wait for room in the queue of its agent, and the transport may take to
    /// accept one. An agent that is slower counts as offline.
    package var sendTimeout: Duration = .seconds(30)
    /// How long the last frames of a stream that its user closed may take to reach the agent.
    package var linger: Duration = .seconds(5)
    /// Tasks queued for one agent: this many, or this many bytes.
    package var taskQueue = (count: 256, bytes: 16 << 20)
    /// Frames queued in each direction of an IOStream: this many, or this many bytes.
    package var streamQueue = (count: 8, bytes: 1 << 19)
    /// Bytes of one result or frame of an agent (`agent-link.md` 1).
    package var maxMessage = 16 << 20
    package var streamsPerUser = 20
    package var streamsPerServer = 40
    /// So many of both are not for tunnels: whoever reaches the host of one is a stranger, and must not keep people from
    /// their servers.
    package var streamsNotForTunnels = (ofUser: 4, ofServer: 8)
    package var streamLimits = AgentStreamLimits.Table()
    package var now: @Sendable () -> Date = { Date() }

    package init() {}
}
