package import AgentLink
import Storage

/// What is known of a server at the moment that a message is about.
package struct ServerSnapshot: Sendable {
    package var id: Int64
    package var name: String
    package var host: HostInfo?
    package var state: HostState?
    package var geoIP: GeoIPInfo?

    package init(id: Int64, name: String, host: HostInfo? = nil, state: HostState? = nil, geoIP: GeoIPInfo? = nil) {
        self.id = id
        self.name = name
        self.host = host
        self.state = state
        self.geoIP = geoIP
    }

    init(_ server: ServerRecord, _ presence: AgentPresence?) {
        self.init(
            id: server.id, name: server.name, host: presence?.host, state: presence?.state, geoIP: presence?.geoIP)
    }
}
