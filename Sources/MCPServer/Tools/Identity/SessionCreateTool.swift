import HTTP
import Secrets
import Storage

/// `session.create`: log in by name and password (`rest.md` 2).
struct SessionCreateTool: Tool {
    private let storage: Storage
    private let strikes: StrikeBook
    private let issuing: SessionIssuing

    init(_ services: ToolServices) {
        storage = services.storage
        strikes = services.strikes
        issuing = SessionIssuing(services)
    }

    static let name = "session.create"

    let definition = ToolDefinition(
        name: name, title: "Log in",
        description: "Logs in by user name and password and returns the signed token of a new session.",
        access: .open, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.session_create_input_json),
        outputSchema: SchemaSource(PackageResources.session_create_output_json))

    struct Input: Decodable, Sendable {
        var username: String
        var password: String
    }

    func run(_ input: Input, in call: ToolCall) async throws -> SignedSession {
        let ip = call.client.real
        // From the storage, not from memory: a password that the command line has just set counts at once.
        guard let user = try await storage.users.user(named: input.username) else {
            try await PasswordHash.verifyDummyDetached(input.password)
            strikes.strike(ip: ip, identifier: StrikeBook.unknownUserIdentifier, reason: .loginFailed)
            throw ToolFailure.loginFailed
        }
        let matches = try await PasswordHash.verifyDetached(input.password, against: user.passwordHash)
        // A client that goes away while the password waits for its turn has not guessed wrong.
        try Task.checkCancellation()
        guard matches, !user.rejectPassword else {
            strikes.strike(ip: ip, identifier: user.id, reason: .loginFailed)
            throw ToolFailure.loginFailed
        }
        strikes.clear(ip: ip, identifier: user.id)
        strikes.clear(ip: ip, identifier: StrikeBook.unknownUserIdentifier)
        return try await begin(user, call)
    }

    private func begin(_ user: UserRecord, _ call: ToolCall) async throws -> SignedSession {
        let (from, until) = issuing.period()
        let keyID = SecureRandom.alphanumeric(32)
        let session = SessionRecord(
            keyID: keyID, userID: user.id, ip: call.client.real ?? "",
            userAgentHash: SHA256Digest.hex(Array(call.userAgent.utf8)),
            // Read together with the hash that matched: a password changed since makes this session void.
            tokenVersion: user.tokenVersion, expiresAt: until, createdAt: from, lastUsedAt: from)
        _ = try await storage.sessions.insert(session)
        return try await issuing.sign(userID: user.id, keyID: keyID, from: from, until: until)
    }
}
