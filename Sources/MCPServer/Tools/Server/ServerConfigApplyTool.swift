import AgentLink

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
        do {
            guard case .object = try JSONParser.parse(input.config) else { throw Self.noObject("found another value") }
        } catch let error as JSONParseError {
            throw Self.noObject("\(error)")
        }
        let (identity, principal) = (self.identity, call.principal)
        return try await agents.send(.applyConfig, body: input.config, to: servers) {
            identity.mayManage(server: $0, principal)
        }
    }

    /// The reason tells of bytes and places, never of the text, which may hold secrets.
    private static func noObject(_ reason: String) -> ToolFailure {
        .invalidArguments("invalid arguments: /config: must be the text of a JSON object: \(reason)")
    }
}
