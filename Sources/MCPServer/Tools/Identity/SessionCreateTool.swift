import HTTP
import Logging
import Secrets
import Storage

/// `session.create`: log in by name and password (`rest.md` 2).
struct SessionCreateTool: Tool {
    private let storage: Storage
    private let strikes: StrikeBook
    private let issuing: SessionIssuing
    private let logger: Logger

    init(_ services: ToolServices) {
        logger = services.logger
        storage = services.storage
        strikes = services.strikes
        issuing = SessionIssuing(services)
    }

    let definition = ToolDefinition(
        name: "session.create", title: "Log in",
        description: "Logs in by user name and password and returns the signed token of a new session.",
        access: .open, exposure: .internal, identifiesCaller: true,
        inputSchema: SchemaSource(PackageResources.session_create_input_json),
        outputSchema: SchemaSource(PackageResources.session_create_output_json))

    /// What is absent is an empty text, which is nobody's name and nobody's password.
    struct Input: Decodable, Sendable {
        var username: String?
        var password: String?
    }

    func run(_ input: Input, in call: ToolCall) async throws -> SignedSession {
        let ip = call.client.real
        let (username, password) = (input.username ?? "", input.password ?? "")
        // From the storage, not from memory: a password that the command line has just set counts at once.
        guard let user = try await storage.users.user(named: username) else {
            try await PasswordHash.verifyDummyDetached(password)
            strikes.strike(ip: ip, identifier: StrikeBook.unknownUserIdentifier, reason: .loginFailed)
            throw ToolFailure.loginFailed
        }
        let matches = try await PasswordHash.verifyDetached(password, against: user.passwordHash)
        // A client that goes away while the password waits for its turn has not guessed wrong.
        try Task.checkCancellation()
        guard matches, !user.rejectPassword else {
            strikes.strike(ip: ip, identifier: user.id, reason: .loginFailed)
            throw ToolFailure.loginFailed
        }
        if PasswordHash.isOutdated(user.passwordHash) { await renewHash(of: user, password) }
        strikes.clear(ip: ip, identifier: user.id)
        strikes.clear(ip: ip, identifier: StrikeBook.unknownUserIdentifier)
        return try await issuing.begin(user, call)
    }

    /// The password is known at this moment only. A log-in does not fail for it: the next one tries again.
    private func renewHash(of user: UserRecord, _ password: String) async {
        do {
            let hash = try await PasswordHash.makeDetached(password)
            try await storage.users.replacePasswordHash(user.passwordHash, by: hash, for: user.id)
        } catch {
            logger.warning("password hash not renewed", metadata: ["user": "\(user.id)", "error": "\(error)"])
        }
    }
}
