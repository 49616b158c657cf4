import HTTP
import Secrets
import Storage

/// `profile.update`: another name and password for the caller; ends all his sessions (`rest-details.md` 2).
struct ProfileUpdateTool: Tool {
    private let users: any UserRepository
    private let accounts: AccountService
    private let identity: IdentityCache
    private let live: LiveWork
    private let strikes: StrikeBook

    init(_ services: ToolServices) {
        users = services.storage.users
        accounts = AccountService(storage: services.storage, dataKey: services.dataKey, now: services.now)
        identity = services.identity
        live = services.live
        strikes = services.strikes
    }

    let definition = ToolDefinition(
        name: "profile.update", title: "Change the own profile",
        description: "Replaces name, password and the log-in rule of the caller and ends all sessions of his.",
        access: .sessionOnly, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.profile_update_input_json),
        outputSchema: SchemaSource(PackageResources.profile_update_output_json))

    struct Input: Decodable, Sendable {
        var originalPassword: String
        var newUsername: String
        var newPassword: String
        var rejectPassword: Bool?

        private enum CodingKeys: String, CodingKey {
            case originalPassword = "original_password"
            case newUsername = "new_username"
            case newPassword = "new_password"
            case rejectPassword = "reject_password"
        }
    }

    func run(_ input: Input, in call: ToolCall) async throws -> NoOutput {
        guard let caller = call.principal.user, let user = try await users.user(id: caller.id) else {
            throw ToolFailure.unauthenticated
        }
        guard try await PasswordHash.verifyDetached(input.originalPassword, against: user.passwordHash) else {
            try Task.checkCancellation()
            // Whoever found an open browser must not try passwords without end.
            strikes.strike(ip: call.client.real, identifier: user.id, reason: .loginFailed)
            throw ToolFailure.rejected("incorrect password")
        }
        // Nobody has one in this version; the flag would lock the user out.
        if input.rejectPassword ?? false { throw ToolFailure.rejected("you don't have any oauth2 bindings") }
        try await call.completing {
            do {
                try await accounts.updateProfile(
                    of: user.id, username: input.newUsername, password: input.newPassword, rejectPassword: false)
            } catch let error as AccountError {
                throw ToolFailure.rejected(error.rawValue)
            }
            try await identity.refresh()
        }
        // Not this very call, whose session is void now as well.
        live.cancel(cause: .rightsLost) { entry in
            entry.principal.user?.id == user.id && entry.principal.session != nil
                && entry.principal.session != call.principal.session
        }
        return NoOutput()
    }
}
