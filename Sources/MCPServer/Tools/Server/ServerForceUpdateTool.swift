import AgentLink
import Primitives

/// `server.force_update`: tell agents to update themselves, `POST /force-update/server` (`rest-details.md` 4).
struct ServerForceUpdateTool: Tool {
    private let identity: IdentityCache
    private let agents: EachAgent

    init(_ services: ToolServices) {
        identity = services.identity
        agents = EachAgent(network: services.network)
    }

    let definition = ToolDefinition(
        name: "server.force_update", title: "Update agents",
        description: """
            Tells the agents of these servers to update themselves now. An agent that does ends without an answer, so \
            success means that it was told and did not refuse. Unknown servers and somebody else's count as offline.
            """,
        annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: true),
        access: .user([.serverWrite]), exposure: .internal, deadline: EachAgent.deadline,
        inputSchema: SchemaSource(PackageResources.server_force_update_input_json),
        outputSchema: SchemaSource(PackageResources.server_force_update_output_json))

    struct Input: Decodable, Sendable {
        var ids: [Int64]
    }

    func run(_ input: Input, in call: ToolCall) async throws -> TaskAnswer {
        let (identity, principal) = (self.identity, call.principal)
        return try await agents.send(.upgrade, body: "", to: input.ids.unique) {
            identity.mayManage(server: $0, principal)
        }
    }
}
