import GRPCCore

/// The door of every call: metadata and peer in, an admitted agent out (`agent-link.md` 1, Authentication).
struct AgentGate: Sendable {
    private let authority: any AgentAuthority
    private let counters: AgentLinkCounters
    private let refusals: RefusalLog

    init(authority: any AgentAuthority, counters: AgentLinkCounters, refusals: RefusalLog) {
        self.authority = authority
        self.counters = counters
        self.refusals = refusals
    }

    /// - Throws: `RPCError` with the code of the refusal.
    func admit(_ metadata: Metadata, _ context: ServerContext) async throws(RPCError) -> AgentIdentity {
        let peer = AgentPeer(
            address: IPAddress(grpcPeer: context.remotePeer)?.text, metadata: Self.headers(metadata))
        do throws(AgentRefusal) {
            let secret = Self.credential("client-secret", "client_secret", metadata)
            guard !secret.isEmpty, secret.utf8.count <= 512 else {
                throw AgentRefusal.unauthenticated("client secret missing")
            }
            let uuid = Self.credential("client-uuid", "client_uuid", metadata)
            guard uuid.utf8.count <= 512 else { throw AgentRefusal.unauthenticated("client UUID invalid") }
            return try await authority.admit(secret: secret, uuid: uuid, peer: peer)
        } catch {
            counters.count(.refusedCall)
            refusals.refused(error, address: authority.realAddress(of: peer))
            throw RPCError(error)
        }
    }

    /// The hyphen key wins whenever it is there, even blank (`agent-link-details.md` 1).
    static func credential(_ hyphen: String, _ underscore: String, _ metadata: Metadata) -> String {
        for key in [hyphen, underscore] {
            for value in metadata[stringValues: key] { return trimmed(value) }
        }
        return ""
    }

    /// What an authority may look at: text keys in lower case, without the credentials. The last value of a key wins,
    /// as the right-most address of a forwarding header does.
    static func headers(_ metadata: Metadata) -> [String: String] {
        var headers: [String: String] = [:]
        for (key, value) in metadata {
            guard case .string(let text) = value else { continue }
            let name = key.lowercased()
            guard !name.hasPrefix("client-secret"), !name.hasPrefix("client_secret") else { continue }
            headers[name] = text
        }
        return headers
    }

    private static func trimmed(_ text: String) -> String {
        let isBlank: (Character) -> Bool = { $0.isWhitespace }
        let start = text.drop(while: isBlank)
        guard let last = start.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(start[...last])
    }
}

extension RPCError {
    init(_ refusal: AgentRefusal) {
        switch refusal {
        case .unauthenticated, .foreignServer: self.init(code: .unauthenticated, message: refusal.text)
        case .blocked: self.init(code: .permissionDenied, message: refusal.text)
        case .unavailable: self.init(code: .unavailable, message: refusal.text)
        }
    }

    init(_ refusal: IOStreamRefusal) {
        switch refusal {
        case .invalidID: self.init(code: .invalidArgument, message: refusal.text)
        case .notAuthorized: self.init(code: .permissionDenied, message: refusal.text)
        case .alreadyConnected: self.init(code: .alreadyExists, message: refusal.text)
        }
    }

    init(_ oversize: OversizeMessage) {
        self.init(code: .resourceExhausted, message: "message larger than \(oversize.limit) bytes")
    }

    init(_ end: AgentStreamEnd) {
        switch end {
        case .taskStreamSuperseded: self.init(code: .aborted, message: "request task stream superseded")
        case .stateStreamSuperseded: self.init(code: .aborted, message: "state stream superseded")
        case .serverRemoved: self.init(code: .failedPrecondition, message: "the server was removed")
        case .stalled: self.init(code: .unavailable, message: "the agent did not take its tasks in time")
        case .shutdown: self.init(code: .unavailable, message: "the gateway is shutting down")
        case .disconnected: self.init(code: .cancelled, message: "the stream was cancelled")
        }
    }
}
