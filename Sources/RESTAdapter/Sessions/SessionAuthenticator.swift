package import HTTP
package import MCPServer
package import Storage

package import struct FoundationEssentials.Date

/// Why the text of a session was not accepted. All answer alike; tests and logs tell them apart.
package enum SessionRefusal: Error, Sendable, Hashable, CaseIterable {
    /// No JWT, or not one with HS256.
    case malformed
    case badSignature
    case expired
    /// Signed by us, but the user it names is none or not the session's.
    case foreignUser
    /// The row is gone, revoked or expired.
    case ended
    /// The row belongs to another client address.
    case otherAddress
    /// The password was changed since.
    case outdated
}

/// Recognises log-ins (`rest.md` 2, `rest-details.md` 2).
///
/// The session's row is read each time, so a revocation is in force at once, whoever wrote it.
package struct SessionAuthenticator: Sendable {
    /// Where a session's text can stand, in the order in which places are looked at.
    package enum Source: Sendable, Hashable, CaseIterable {
        case header, query, cookie

        /// Whether a browser sends it by itself or follows a link that carries it.
        package var needsCSRFToken: Bool { self != .header }
    }

    package enum Outcome: Sendable {
        /// No place holds anything; the caller is a guest.
        case absent
        case accepted(Principal, Source)
        case refused(SessionRefusal)
        /// The database does not answer.
        case unavailable
    }

    /// How old the noted time of last use may get.
    private static let touchInterval = 60.0

    private let tokens: JWTSessionTokens
    private let sessions: any SessionRepository
    private let identity: IdentityCache
    private let strikes: StrikeBook
    private let now: @Sendable () -> Date

    package init(
        tokens: JWTSessionTokens, sessions: any SessionRepository, identity: IdentityCache, strikes: StrikeBook,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.tokens = tokens
        self.sessions = sessions
        self.identity = identity
        self.strikes = strikes
        self.now = now
    }

    /// The first place that holds something decides.
    /// - Parameters:
    ///   - authorization: the header's value.
    ///   - query: the value of query parameter `token`.
    ///   - cookie: the value of cookie `nz-jwt`.
    package func authenticate(
        authorization: String?, query: String?, cookie: String?, client: ClientAddress
    ) async -> Outcome {
        let places: [(Source, String?)] = [
            (.header, Authorization(authorization).bearer.map(String.init)), (.query, query), (.cookie, cookie),
        ]
        for case (let source, let text?) in places where !text.isEmpty {
            do {
                return .accepted(try await principal(of: text, client), source)
            } catch let refusal as SessionRefusal {
                if refusal == .foreignUser { strike(client) }
                return .refused(refusal)
            } catch {
                return .unavailable
            }
        }
        return .absent
    }

    /// Ends a log-in for good.
    /// - Throws: what the storage throws.
    package func end(_ session: SessionIdentity) async throws {
        try await sessions.revoke(keyID: session.keyID, at: now())
    }

    private func principal(of text: String, _ client: ClientAddress) async throws -> Principal {
        let claims = try tokens.verify(text)
        let date = now()
        guard date.timeIntervalSince1970 < Double(claims.exp) else { throw SessionRefusal.expired }
        guard let userID = tokens.userID(of: claims) else {
            // Earlier builds wrote sixteen digits: a log-in that is over, no attempt at somebody else's.
            throw tokens.isOfEarlierBuild(claims) ? SessionRefusal.ended : .foreignUser
        }
        // Read before the row: whatever changes after this is noticed by work that begins under it.
        let revision = identity.revision
        guard let row = try await sessions.session(keyID: claims.keyId) else { throw SessionRefusal.ended }
        guard row.userID == userID else { throw SessionRefusal.foreignUser }
        guard row.revokedAt == nil, date <= row.expiresAt else { throw SessionRefusal.ended }
        guard row.ip == client.real ?? "" else { throw SessionRefusal.otherAddress }
        let user = try await user(of: row)
        await noteUse(of: row, at: date)
        return Principal(
            user: UserIdentity(user), credential: .session(SessionIdentity(keyID: row.keyID)), revision: revision)
    }

    /// The row may be newer than what is in memory (a log-in right after another process changed the password), so
    /// a difference is looked at twice.
    private func user(of row: SessionRecord) async throws -> UserRecord {
        if let user = identity.user(id: row.userID), user.tokenVersion == row.tokenVersion { return user }
        try await identity.refresh()
        guard let user = identity.user(id: row.userID), user.tokenVersion == row.tokenVersion else {
            throw SessionRefusal.outdated
        }
        return user
    }

    private func noteUse(of row: SessionRecord, at date: Date) async {
        guard date.timeIntervalSince(row.lastUsedAt) >= Self.touchInterval else { return }
        // The time of last use is a courtesy; a call is not refused for it.
        try? await sessions.touch(keyID: row.keyID, usedAt: date)
    }

    /// Whoever can sign a text with another's name holds the key or tampers with the database; anybody else gets no
    /// strike, so that a stale browser tab locks nobody out (`rest-details.md` 2, rule a).
    private func strike(_ client: ClientAddress) {
        strikes.strike(ip: client.real, identifier: StrikeBook.tokenIdentifier, reason: .tokenBruteForce)
    }
}
