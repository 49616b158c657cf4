import FoundationEssentials

/// What log-in and refresh have in common (`rest.md` 2).
struct SessionIssuing: Sendable {
    private let sessions: any SessionTokens
    private let settings: any SettingsStore
    private let now: @Sendable () -> Date

    init(_ services: ToolServices) {
        sessions = services.sessions
        settings = services.settings
        now = services.now
    }

    /// From now on, for `jwt_timeout` hours. Whole seconds, as the signed text cannot say more.
    func period() -> (from: Date, until: Date) {
        let from = now()
        let until = from.addingTimeInterval(Double(max(1, settings.current.jwtTimeout)) * 3600)
        return (from, Date(timeIntervalSince1970: until.timeIntervalSince1970.rounded(.down)))
    }

    func sign(userID: Int64, keyID: String, from: Date, until: Date) async throws -> SignedSession {
        let token = try await sessions.sign(userID: userID, keyID: keyID, issuedAt: from, expiresAt: until)
        return SignedSession(token: token, expire: Timestamp(wholeSeconds: until))
    }
}

/// The answer to log-in and refresh.
struct SignedSession: Encodable, Sendable {
    var token: String
    var expire: Timestamp
}
