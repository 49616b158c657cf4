import FoundationEssentials
import HTTP
import Secrets
import Settings
package import Storage

/// Begins and extends log-ins, for everything that has found out who somebody is (`rest.md` 2).
package struct SessionIssuing: Sendable {
    private let rows: any SessionRepository
    private let sessions: any SessionTokens
    private let settings: any SettingsStore
    private let now: @Sendable () -> Date

    package init(_ services: ToolServices) {
        rows = services.storage.sessions
        sessions = services.sessions
        settings = services.settings
        now = services.now
    }

    /// A new log-in of the user, bound to the address of the call.
    /// - Parameter user: as read when it was found out who they are: a password changed since makes the log-in void.
    package func begin(_ user: UserRecord, _ call: ToolCall) async throws -> SignedSession {
        let (from, until) = period()
        let keyID = SecureRandom.alphanumeric(32)
        let session = SessionRecord(
            keyID: keyID, userID: user.id, ip: call.client.real ?? "",
            userAgentHash: SHA256Digest.hex(Array(call.userAgent.utf8)), tokenVersion: user.tokenVersion,
            expiresAt: until, createdAt: from, lastUsedAt: from)
        _ = try await rows.insert(session)
        return try await sign(userID: user.id, keyID: keyID, from: from, until: until)
    }

    /// The same log-in for another full period.
    /// - Throws: ``ToolFailure/unauthenticated`` for one that is over.
    func extend(_ session: SessionIdentity, of userID: Int64) async throws -> SignedSession {
        let (from, until) = period()
        do {
            try await rows.extend(keyID: session.keyID, until: until, usedAt: from)
        } catch StorageError.notFound {
            throw ToolFailure.unauthenticated
        }
        return try await sign(userID: userID, keyID: session.keyID, from: from, until: until)
    }

    /// From now on, for `jwt_timeout` hours. Whole seconds, as the signed text cannot say more.
    private func period() -> (from: Date, until: Date) {
        let from = now()
        let until = from.addingTimeInterval(Double(max(1, settings.current.jwtTimeout)) * 3600)
        return (from, Date(timeIntervalSince1970: until.timeIntervalSince1970.rounded(.down)))
    }

    private func sign(userID: Int64, keyID: String, from: Date, until: Date) async throws -> SignedSession {
        let token = try await sessions.sign(userID: userID, keyID: keyID, issuedAt: from, expiresAt: until)
        return SignedSession(token: token, expire: Timestamp(wholeSeconds: until).text)
    }
}

/// The answer to log-in and refresh.
package struct SignedSession: Encodable, Sendable {
    package var token: String
    /// RFC 3339.
    package var expire: String
}
