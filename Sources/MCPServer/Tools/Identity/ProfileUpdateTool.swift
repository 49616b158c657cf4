import HTTP
import Secrets
import Storage

/// `profile.update`: another name and password for the caller; ends all their sessions (`rest-details.md` 2) and begins a
/// new one, so that the page from which they did it goes on (`front-ends.md`, profile).
struct ProfileUpdateTool: Tool {
    private let users: any UserRepository
    private let accounts: AccountService
    private let identity: IdentityCache
    private let live: LiveWork
    private let strikes: StrikeBook
    private let issuing: SessionIssuing

    init(_ services: ToolServices) {
        users = services.storage.users
        accounts = services.accounts
        identity = services.identity
        live = services.live
        strikes = services.strikes
        issuing = SessionIssuing(services)
    }

    let definition = ToolDefinition(
        name: "profile.update", title: "Change the own profile",
        description: "Replaces name, password and the log-in rule of the caller and ends all their sessions.",
        access: .sessionOnly, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.profile_update_input_json),
        outputSchema: SchemaSource(PackageResources.profile_update_output_json))

    struct Input: Decodable, Sendable {
        var originalPassword: String?
        var newUsername: String?
        var newPassword: String?
        var rejectPassword: Bool?

        private enum CodingKeys: String, CodingKey {
            case originalPassword = "original_password"
            case newUsername = "new_username"
            case newPassword = "new_password"
            case rejectPassword = "reject_password"
        }
    }

    func run(_ input: Input, in call: ToolCall) async throws -> SignedSession {
        guard let caller = call.principal.user, let user = try await users.user(id: caller.id) else {
            throw ToolFailure.unauthenticated
        }
        guard try await PasswordHash.verifyDetached(input.originalPassword ?? "", against: user.passwordHash) else {
            try Task.checkCancellation()
            // Whoever found an open browser must not try passwords without end.
            strikes.strike(ip: call.client.real, identifier: user.id, reason: .loginFailed)
            throw ToolFailure.rejected("incorrect password")
        }
        let rejectsPassword = input.rejectPassword ?? false
        if rejectsPassword, try await users.bindings(of: user.id).isEmpty {
            throw ToolFailure.rejected("you don't have any oauth2 bindings")
        }
        let session = try await call.completing {
            do {
                try await accounts.updateProfile(
                    of: user.id, username: input.newUsername ?? "", password: input.newPassword ?? "",
                    rejectPassword: rejectsPassword)
            } catch let error as AccountError {
                throw ToolFailure.rejected(error.words)
            }
            try await identity.refresh()
            guard let changed = try await users.user(id: user.id) else { throw ToolFailure.unauthenticated }
            return try await issuing.begin(changed, call)
        }
        // Not this very call, whose session is void now as well.
        live.cancel(cause: .rightsLost) { entry in
            entry.principal.user?.id == user.id && entry.principal.session != nil
                && entry.principal.session != call.principal.session
        }
        return session
    }
}
