import HTTP
import Storage

/// `profile.get`: the caller's own account, with the secret of his agents (`rest.md` 4).
struct ProfileGetTool: Tool {
    private let users: any UserRepository
    private let accounts: AccountService

    init(_ services: ToolServices) {
        users = services.storage.users
        accounts = AccountService(storage: services.storage, dataKey: services.dataKey, now: services.now)
    }

    let definition = ToolDefinition(
        name: "profile.get", title: "Own profile", description: "Shows the account of the caller.",
        annotations: ToolAnnotations(readOnly: true),
        access: .sessionOnly, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.profile_get_input_json),
        outputSchema: SchemaSource(PackageResources.profile_get_output_json))

    struct Output: Encodable, Sendable {
        var id: Int64
        var createdAt: Timestamp
        var updatedAt: Timestamp
        var username: String
        var role: Int
        var agentSecret: String?
        var rejectPassword: Bool?
        var loginIP: String?
        var oauth2Bind: [String: String]

        private enum CodingKeys: String, CodingKey {
            case id
            case createdAt = "created_at"
            case updatedAt = "updated_at"
            case username
            case role
            case agentSecret = "agent_secret"
            case rejectPassword = "reject_password"
            case loginIP = "login_ip"
            case oauth2Bind = "oauth2_bind"
        }
    }

    func run(_ input: NoInput, in call: ToolCall) async throws -> Output {
        guard let caller = call.principal.user, let user = try await users.user(id: caller.id) else {
            throw ToolFailure.unauthenticated
        }
        return Output(
            id: user.id, createdAt: Timestamp(user.createdAt), updatedAt: Timestamp(user.updatedAt),
            username: user.username, role: user.role.rawValue, agentSecret: try accounts.agentSecret(of: user),
            rejectPassword: user.rejectPassword ? true : nil, loginIP: call.client.real,
            oauth2Bind: [:])
    }
}
