import Storage

/// `user.list`: all accounts, by id (`rest.md` 4, User).
struct UserListTool: Tool {
    private let users: any UserRepository
    private let accounts: AccountService

    init(_ services: ToolServices) {
        users = services.storage.users
        accounts = services.accounts
    }

    let definition = ToolDefinition(
        name: "user.list", title: "List users", description: "Lists all accounts, with the secrets of their agents.",
        annotations: ToolAnnotations(readOnly: true),
        access: .administrator, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.user_list_input_json),
        outputSchema: SchemaSource(PackageResources.user_list_output_json))

    func run(_ input: NoInput, in call: ToolCall) async throws -> [AccountItem] {
        try await users.users().map { AccountItem($0, agentSecret: try accounts.agentSecret(of: $0)) }
    }
}
