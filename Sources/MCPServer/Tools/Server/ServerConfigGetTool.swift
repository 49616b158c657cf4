import AgentLink
import JSON
import Primitives

/// `server.config_get`: the settings of a server's agent, `GET /server/config/{id}` (`rest-details.md` 4).
struct ServerConfigGetTool: Tool {
    private let identity: IdentityCache
    private let network: any AgentNetwork

    init(_ services: ToolServices) {
        identity = services.identity
        network = services.network
    }

    static let timeout = Duration.seconds(10)

    let definition = ToolDefinition(
        name: "server.config_get", title: "Read an agent's settings",
        description: """
            The settings of a server's agent as the text of a JSON object. The agent's secret is left out: it may speak \
            for every server of its owner, and need not be that of the caller.
            """,
        annotations: ToolAnnotations(readOnly: true),
        access: .user([.serverWrite]), exposure: .internal,
        inputSchema: SchemaSource(PackageResources.server_config_get_input_json),
        outputSchema: SchemaSource(PackageResources.server_config_get_output_json))

    struct Input: Decodable, Sendable {
        var id: Int64
    }

    func run(_ input: Input, in call: ToolCall) async throws -> String {
        guard try identity.manageable([input.id], call.principal) == [input.id] else { return "" }
        let reply: AgentTaskReply
        do {
            let link = try await network.link(to: input.id)
            reply = try await link.call(.reportConfig, body: "", timeout: Self.timeout)
        } catch AgentCallError.offline {
            return ""
        }
        // The server may have been given away meanwhile.
        guard identity.mayManage(server: input.id, call.principal) else { throw ToolFailure.permissionDenied }
        guard reply.successful else {
            throw ToolFailure.agentError("get server config failed: \(reply.data.cut(toBytes: AgentTasks.errorLimit))")
        }
        guard let text = Self.withoutSecret(reply.data) else {
            throw ToolFailure.agentError("get server config failed: the agent sent no JSON object")
        }
        return text
    }

    /// The agent sends its `client_secret` in clear. That is the key to all servers of its owner, which neither a token
    /// for some of them nor the next owner of this one may have (`transfer.md` 9, gaps). A change that leaves it out
    /// leaves it as it is.
    /// - Returns: the agent's own text where there is none; `nil` for what is no JSON object, which could hide it.
    static func withoutSecret(_ text: String) -> String? {
        guard let value = try? JSONParser.parse(text), var object = value.objectValue else { return nil }
        guard object["client_secret"] != nil else { return text }
        object["client_secret"] = nil
        return JSONValue.object(object).text
    }
}
