/// A host name whose requests go through a server's agent to an address in its network (`rest.md` 4, NAT; `engines.md` 8).
package struct NATForm: Form {
    package static let table = "nats"
    package static let unique = ["domain"]

    package var enabled = false
    package var name = ""
    package var serverID: Int64 = 0
    /// Where the agent connects, as `host:port`.
    package var host = ""
    /// The `Host` of requests.
    package var domain = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case enabled
        case name
        case serverID = "server_id"
        case host
        case domain
    }
}
