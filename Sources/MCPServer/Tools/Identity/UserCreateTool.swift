import Storage

/// `user.create`: another account (`rest-details.md` 5, User). The role must be said: left out, it would once have meant
/// an administrator.
struct UserCreateTool: Tool {
    private let accounts: AccountService
    private let identity: IdentityCache

    init(_ services: ToolServices) {
        accounts = services.accounts
        identity = services.identity
    }

    let definition = ToolDefinition(
        name: "user.create", title: "Make a user", description: "Makes an account and tells its id.",
        access: .administrator, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.user_create_input_json),
        outputSchema: SchemaSource(PackageResources.user_create_output_json))

    struct Input: Decodable, Sendable {
        var username: String?
        var password: String?
        var role: Int?
    }

    struct Output: Encodable, Sendable {
        var id: Int64
    }

    func run(_ input: Input, in call: ToolCall) async throws -> Output {
        do {
            try AccountService.check(password: input.password ?? "")
            try AccountService.check(username: input.username ?? "")
            guard let role = input.role.flatMap(UserRecord.Role.init) else {
                throw ToolFailure.rejected("invalid role")
            }
            let user = try await call.completing {
                let user = try await accounts.createUser(
                    username: input.username ?? "", password: input.password ?? "", role: role)
                try await identity.refresh()
                return user
            }
            return Output(id: user.id)
        } catch let error as AccountError {
            throw ToolFailure.rejected(error.words)
        }
    }
}
