import AgentLink
import JSON

/// `server.config_apply`: change settings of agents, `POST /server/config` (`rest-details.md` 4).
struct ServerConfigApplyTool: Tool {
    private let identity: IdentityCache
    private let agents: EachAgent

    init(_ services: ToolServices) {
        identity = services.identity
        agents = EachAgent(network: services.network)
    }

    let definition = ToolDefinition(
        name: "server.config_apply", title: "Change settings of agents",
        description: """
            Sends settings to the agents of these servers, which merge them into their own and connect anew about ten \
            seconds later. Unknown servers are ignored; one of somebody else's refuses the call.
            """,
        annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: true),
        access: .user([.serverWrite]), exposure: .internal, deadline: EachAgent.deadline,
        inputSchema: SchemaSource(PackageResources.server_config_apply_input_json),
        outputSchema: SchemaSource(PackageResources.server_config_apply_output_json))

    struct Input: Decodable, Sendable {
        var servers: [Int64]
        var config: String
    }

    func run(_ input: Input, in call: ToolCall) async throws -> TaskAnswer {
        let servers = try identity.manageable(input.servers, call.principal)
        let config = try Self.config(input.config)
        let (identity, principal) = (self.identity, call.principal)
        return try await agents.send(.applyConfig, body: config, to: servers) {
            identity.mayManage(server: $0, principal)
        }
    }

    /// The text as it goes to the agents. `server.config_get` keeps the secret to itself, so whoever fills in all members of
    /// what was read sends it back empty: that means unchanged.
    static func config(_ text: String) throws(ToolFailure) -> String {
        let value: JSONValue
        do {
            value = try JSONParser.parse(text)
        } catch {
            throw noObject("\(error)")
        }
        guard var members = value.objectValue else { throw noObject("found another value") }
        guard members["client_secret"] == "" || members["client_secret"] == .null else { return text }
        members["client_secret"] = nil
        return JSONValue.object(members).text
    }

    /// The reason tells of bytes and places, never of the text, which may hold secrets.
    private static func noObject(_ reason: String) -> ToolFailure {
        .invalidArguments("invalid arguments: /config: must be the text of a JSON object: \(reason)")
    }
}
