import GRPC
import HTTP
import Primitives

/// The door of every call: metadata and peer in, an admitted agent out (`agent-link.md` 1, Authentication).
struct AgentGate: Sendable {
    /// Bytes of a credential; no real one is near it.
    private static let credentialLimit = 512

    private let authority: any AgentAuthority
    private let counters: AgentLinkCounters
    private let refusals: RefusalLog

    init(authority: any AgentAuthority, counters: AgentLinkCounters, refusals: RefusalLog) {
        self.authority = authority
        self.counters = counters
        self.refusals = refusals
    }

    /// - Parameter peer: the address of the connection, without port.
    /// - Throws: the status of the refusal.
    func admit(_ metadata: HTTPFields, peer: String?) async throws(GRPCStatus) -> AgentIdentity {
        let peer = AgentPeer(address: peer.flatMap { IPAddress($0)?.text }, metadata: Self.headers(metadata))
        do throws(AgentRefusal) {
            let secret = Self.credential(.clientSecret, .clientSecretUnderscored, metadata)
            guard !secret.isEmpty, secret.utf8.count <= Self.credentialLimit else {
                throw AgentRefusal.unauthenticated("client secret missing")
            }
            let uuid = Self.credential(.clientUUID, .clientUUIDUnderscored, metadata)
            guard uuid.utf8.count <= Self.credentialLimit else {
                throw AgentRefusal.unauthenticated("client UUID invalid")
            }
            return try await authority.admit(secret: secret, uuid: uuid, peer: peer)
        } catch {
            counters.count(.refusedCall)
            refusals.refused(error, address: authority.realAddress(of: peer))
            throw GRPCStatus(error)
        }
    }

    /// The first value of a key counts. The hyphen key wins whenever it is there, even blank (`agent-link-details.md` 1).
    static func credential(
        _ hyphen: HTTPField.Name, _ underscore: HTTPField.Name, _ metadata: HTTPFields
    ) -> String {
        for name in [hyphen, underscore] {
            if let field = metadata.first(where: { $0.name == name }) {
                return String(field.value.trimmingWhitespace())
            }
        }
        return ""
    }

    /// What an authority may look at: text keys in lower case, without the credentials. The last value of a key wins,
    /// as the right-most address of a forwarding header does.
    static func headers(_ metadata: HTTPFields) -> [String: String] {
        var headers: [String: String] = [:]
        for field in metadata {
            let name = field.name.canonicalName
            // An address is ASCII; taking another text apart could take long.
            guard !isSecret(name), !name.hasSuffix("-bin"), field.value.utf8.allSatisfy({ $0 < 0x80 }) else { continue }
            headers[name] = field.value
        }
        return headers
    }

    /// - Parameter name: in lower case, of ASCII.
    private static func isSecret(_ name: String) -> Bool {
        name.hasPrefix("client-secret") || name.hasPrefix("client_secret")
    }
}

extension HTTPField.Name {
    fileprivate static let clientSecret = Self(token: "client-secret")
    fileprivate static let clientSecretUnderscored = Self(token: "client_secret")
    fileprivate static let clientUUID = Self(token: "client-uuid")
    fileprivate static let clientUUIDUnderscored = Self(token: "client_uuid")
    static let extensions = Self(token: AgentExtensions.metadataKey)
}

extension GRPCStatus {
    init(_ refusal: AgentRefusal) {
        switch refusal {
        case .unauthenticated, .foreignServer: self.init(.unauthenticated, refusal.text)
        case .blocked: self.init(.permissionDenied, refusal.text)
        case .tooManyServers: self.init(.resourceExhausted, refusal.text)
        case .unavailable: self.init(.unavailable, refusal.text)
        }
    }

    init(_ refusal: IOStreamRefusal) {
        switch refusal {
        case .invalidID: self.init(.invalidArgument, refusal.text)
        case .notAuthorized: self.init(.permissionDenied, refusal.text)
        case .alreadyConnected: self.init(.alreadyExists, refusal.text)
        }
    }

    init(_ oversize: OversizeMessage) {
        self.init(.resourceExhausted, "message larger than \(oversize.limit) bytes")
    }

    init(_ error: ProtobufError) {
        self.init(.invalidArgument, error.text)
    }

    init(_ end: AgentStreamEnd) {
        switch end {
        case .taskStreamSuperseded: self.init(.aborted, "request task stream superseded")
        case .stateStreamSuperseded: self.init(.aborted, "state stream superseded")
        case .serverRemoved: self.init(.failedPrecondition, "the server was removed")
        case .stalled: self.init(.unavailable, "the agent did not take its tasks in time")
        case .shutdown: self.init(.unavailable, "the gateway is shutting down")
        case .disconnected: self.init(.cancelled, "the stream was cancelled")
        }
    }
}
