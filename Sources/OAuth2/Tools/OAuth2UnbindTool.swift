import MCPServer
import Storage

/// `oauth2.unbind`: take an identity back, `POST /oauth2/{provider}/unbind` (`rest-details.md` 3). Also of a provider that
/// is not configured any more.
struct OAuth2UnbindTool: Tool {
    private let users: any UserRepository

    init(_ services: ToolServices) {
        users = services.storage.users
    }

    let definition = ToolDefinition(
        name: "oauth2.unbind", title: "Unbind a provider",
        description: "Takes back the caller's identities at a provider, unless no way to log in would be left.",
        annotations: ToolAnnotations(destructive: true),
        access: .sessionOnly, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.oauth2_unbind_input_json),
        outputSchema: SchemaSource(PackageResources.oauth2_unbind_output_json))

    struct Input: Decodable, Sendable {
        var provider: String
    }

    func run(_ input: Input, in call: ToolCall) async throws -> NoOutput {
        guard let user = call.principal.user else { throw ToolFailure.unauthenticated }
        switch try await users.unbind(provider: input.provider.lowercased(), from: user.id) {
        case .done: return NoOutput()
        case .none: throw ToolFailure.rejected("provider not found")
        case .lastWayIn: throw ToolFailure.rejected("operation not permitted")
        }
    }
}
