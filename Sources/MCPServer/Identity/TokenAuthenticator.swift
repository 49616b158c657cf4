public import Secrets
public import Storage
import Synchronization

public import struct Foundation.Date

/// Recognises Personal Access Tokens in an `Authorization` header (`mcp.md` 8.2).
public final class TokenAuthenticator: Sendable {
    public enum Outcome: Sendable {
        /// The header carries no token of ours; another way of logging in may apply.
        case absent
        case accepted(Principal)
        case refused(Refusal)
    }

    public enum Refusal: String, Sendable {
        case unknown = "invalid api token"
        case expired = "api token expired"
        case ownerMissing = "owner of api token not found"
        case lookupFailed = "api token lookup failed"
    }

    /// Every token begins so.
    public static let prefix = "nzp_"

    private let identity: IdentityCache
    private let tokens: any APITokenRepository
    private let key: SecretKey
    private let strikes: StrikeBook
    private let now: @Sendable () -> Date
    /// Token id → the use that was written last.
    private let written = Mutex<[Int64: (at: Date, ip: String)]>([:])

    public init(
        identity: IdentityCache, tokens: any APITokenRepository, key: SecretKey, strikes: StrikeBook,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.identity = identity
        self.tokens = tokens
        self.key = key
        self.strikes = strikes
        self.now = now
    }

    /// - Parameter authorization: the header's value.
    public func authenticate(authorization: String?, client: ClientAddress) async -> Outcome {
        guard let secret = Self.secret(in: authorization) else { return .absent }
        let found: (principal: Principal, token: TokenIdentity)
        do {
            guard let (row, revision) = try await identity.token(hash: key.keyedHash(String(secret))) else {
                return refuse(.unknown, client)
            }
            let token = TokenIdentity(row)
            if token.isExpired(at: now()) { return refuse(.expired, client) }
            guard let user = try await identity.userMaybeNew(id: row.userID) else {
                return refuse(.ownerMissing, client)
            }
            found = (Principal(user: UserIdentity(user), credential: .token(token), revision: revision), token)
        } catch {
            return .refused(.lookupFailed)
        }
        strikes.clear(ip: client.real, identifier: StrikeBook.tokenIdentifier)
        await noteUse(of: found.token.id, ip: client.real ?? client.peer ?? "")
        return .accepted(found.principal)
    }

    /// The secret after exactly `Bearer `; `nil` where that or the prefix is missing.
    static func secret(in authorization: String?) -> Substring? {
        guard let header = authorization?.trimmingBlanks(), header.utf8.starts(with: "Bearer ".utf8) else { return nil }
        let secret = Substring(header.utf8.dropFirst("Bearer ".utf8.count)).trimmingBlanks()
        return secret.utf8.starts(with: prefix.utf8) ? secret : nil
    }

    private func refuse(_ refusal: Refusal, _ client: ClientAddress) -> Outcome {
        strikes.strike(ip: client.real, identifier: StrikeBook.tokenIdentifier, reason: .tokenBruteForce)
        return .refused(refusal)
    }

    /// Written when the address is another one or the last writing is over a minute ago; the first use at once.
    private func noteUse(of id: Int64, ip: String) async {
        let date = now()
        let due = written.withLock { written in
            if let last = written[id], last.ip == ip, date.timeIntervalSince(last.at) <= 60 { return false }
            written[id] = (date, ip)
            return true
        }
        guard due else { return }
        // The time of last use is a courtesy; a call is not refused for it.
        try? await tokens.touch(id: id, usedAt: date, ip: ip)
    }
}

extension StringProtocol {
    /// Without blanks and tabs at both ends.
    func trimmingBlanks() -> Substring {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var rest = Substring(self).utf8
        while let first = rest.first, isBlank(first) { rest.removeFirst() }
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return Substring(rest)
    }
}
