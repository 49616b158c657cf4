package import struct FoundationEssentials.Date

/// What is known, in memory, of one server's agent at this moment (`engines.md` 1).
package struct AgentPresence: Sendable {
    /// The last host report since the gateway started; `nil` before the first.
    package var host: HostInfo?
    package var state: HostState?
    package var geoIP: GeoIPInfo?
    /// When the last state came; `nil` when none came yet or the state stream has ended since.
    package var lastActive: Date?
    /// Whether a task stream is open, so that calls can be made.
    package var isAttached: Bool
    /// Whether two machines report under the server's UUID, so that a task may reach either.
    package var isDuplicated: Bool

    package init(
        host: HostInfo? = nil, state: HostState? = nil, geoIP: GeoIPInfo? = nil, lastActive: Date? = nil,
        isAttached: Bool = false, isDuplicated: Bool = false
    ) {
        self.host = host
        self.state = state
        self.geoIP = geoIP
        self.lastActive = lastActive
        self.isAttached = isAttached
        self.isDuplicated = isDuplicated
    }

    mutating func reported(_ state: HostState, at time: Date) {
        self.state = state
        lastActive = time
    }

    /// A server is online while its last state is less than 30 s old.
    package func isOnline(at now: Date) -> Bool {
        guard let lastActive else { return false }
        return now.timeIntervalSince(lastActive) < 30
    }
}
