import HTTP
import Storage

/// `profile.get`: the caller's own account, with the secret of their agents (`rest.md` 4).
struct ProfileGetTool: Tool {
    private let users: any UserRepository
    private let accounts: AccountService

    init(_ services: ToolServices) {
        users = services.storage.users
        accounts = services.accounts
    }

    let definition = ToolDefinition(
        name: "profile.get", title: "Own profile", description: "Shows the account of the caller.",
        annotations: ToolAnnotations(readOnly: true),
        access: .sessionOnly, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.profile_get_input_json),
        outputSchema: SchemaSource(PackageResources.profile_get_output_json))

    func run(_ input: NoInput, in call: ToolCall) async throws -> AccountItem {
        guard let caller = call.principal.user, let user = try await users.user(id: caller.id) else {
            throw ToolFailure.unauthenticated
        }
        var item = AccountItem(user, agentSecret: try accounts.agentSecret(of: user))
        item.loginIP = call.client.real
        // Of several identities at one provider the newest is shown.
        item.oauth2Bind = Dictionary(try await users.bindings(of: user.id).map { ($0.provider, $0.openID) }) { $1 }
        return item
    }
}
