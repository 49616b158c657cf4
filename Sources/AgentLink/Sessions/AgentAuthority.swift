/// Decides who may speak for which server (`agent-link.md` 1, Authentication). Implemented over the storage by the
/// gateway; the link itself knows no secrets.
package protocol AgentAuthority: Sendable {
    /// - Parameters:
    ///   - secret: the client secret, trimmed.
    ///   - uuid: the client UUID as sent.
    ///   - peer: the peer's address without port; `nil` when unknown.
    /// - Returns: the server this agent speaks for; a row is created for an unknown UUID.
    /// - Throws: ``AgentRefusal``.
    func admit(secret: String, uuid: String, peer: AgentPeer) async throws(AgentRefusal) -> AgentIdentity

    /// The address that log lines name; that of the peer unless the authority knows the one behind a proxy.
    func realAddress(of peer: AgentPeer) -> String?
}

extension AgentAuthority {
    package func realAddress(of peer: AgentPeer) -> String? { peer.address }
}

/// Where a call of an agent comes from.
package struct AgentPeer: Sendable, Hashable {
    /// The TCP peer's address without port; `nil` when unknown.
    package var address: String?
    /// The call's metadata, keys in lower case, for a configured real-IP header.
    package var metadata: [String: String]

    package init(address: String?, metadata: [String: String] = [:]) {
        self.address = address
        self.metadata = metadata
    }
}

/// An admitted agent.
package struct AgentIdentity: Sendable, Hashable {
    package var serverID: Int64
    /// The real IP behind the call, as far as known.
    package var realIP: String?

    package init(serverID: Int64, realIP: String? = nil) {
        self.serverID = serverID
        self.realIP = realIP
    }
}

/// Why an agent was refused. Its text reaches the peer, so it names no secret.
package enum AgentRefusal: Error, Sendable, Equatable {
    /// gRPC `UNAUTHENTICATED`.
    case unauthenticated(String)
    /// The secret is one user's, the UUID that of another one's server; gRPC `UNAUTHENTICATED`. The ids are for the
    /// administrator's eyes, the peer does not see them.
    case foreignServer(server: Int64, owner: Int64, secretOwner: Int64)
    /// The address is blocked for now; gRPC `PERMISSION_DENIED`.
    case blocked
    /// The owner has as many servers as one may have, or registers them too fast; gRPC `RESOURCE_EXHAUSTED`.
    case tooManyServers(String)
    /// The storage did not answer; gRPC `UNAVAILABLE`.
    case unavailable

    /// What the peer is told.
    var text: String {
        switch self {
        case .unauthenticated(let reason): reason
        case .foreignServer: "client uuid belongs to another owner"
        case .blocked: "you were blocked by nezha WAF"
        case .tooManyServers(let reason): reason
        case .unavailable: "the gateway cannot check agents right now"
        }
    }
}
