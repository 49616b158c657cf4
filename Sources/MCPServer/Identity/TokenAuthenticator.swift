package import HTTP
package import Secrets
package import Storage
import Synchronization

package import struct FoundationEssentials.Date

/// Recognises Personal Access Tokens in an `Authorization` header (`mcp.md` 8.2).
package final class TokenAuthenticator: Sendable {
    package enum Outcome: Sendable {
        /// The header carries no token of ours; another way of logging in may apply.
        case absent
        case accepted(Principal)
        case refused(Refusal)
    }

    package enum Refusal: String, Error, Sendable {
        case unknown = "invalid api token"
        case expired = "api token expired"
        case ownerMissing = "owner of api token not found"
        case lookupFailed = "api token lookup failed"
    }

    /// Every token begins so.
    package static let prefix = "nzp_"

    private let identity: IdentityCache
    private let tokens: any APITokenRepository
    private let key: SecretKey
    private let strikes: StrikeBook
    private let now: @Sendable () -> Date
    private let uses = Mutex(TokenUses())
    private let refused = Mutex(RefusedTokens())

    package init(
        identity: IdentityCache, tokens: any APITokenRepository, key: SecretKey, strikes: StrikeBook,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.identity = identity
        self.tokens = tokens
        self.key = key
        self.strikes = strikes
        self.now = now
    }

    /// Whose token it is; told without a wait where the token, its owner and its last use are in memory.
    ///
    /// - Parameter authorization: the header's value.
    package func authenticate(authorization: String?, client: ClientAddress) async -> Outcome {
        guard let secret = Authorization(authorization).token else { return .absent }
        let hash = key.keyedHash(String(secret))
        switch await find(secret, hash) {
        case .failure(let refusal):
            if refusal != .lookupFailed { strike(hash, client) }
            return .refused(refusal)
        case .success(let found):
            strikes.clear(ip: client.real, identifier: StrikeBook.tokenIdentifier)
            let (id, ip, date) = (found.token.id, client.real ?? client.peer ?? "", now())
            if uses.withLock({ $0.isDue(id, ip: ip, at: date) }) {
                // The time of last use is a courtesy; a call is not refused for it.
                try? await tokens.touch(id: id, usedAt: date, ip: ip)
            }
            return .accepted(found.principal)
        }
    }

    /// Whether the header carries a token that is good now. Nothing comes of it, whatever the answer is: for who decides
    /// whether to let a request in at all.
    package func knows(authorization: String?) async -> Bool {
        guard let secret = Authorization(authorization).token else { return false }
        guard case .success = await find(secret, key.keyedHash(String(secret))) else { return false }
        return true
    }

    private typealias Found = (principal: Principal, token: TokenIdentity)

    /// - Parameter hash: the secret's.
    private func find(_ secret: Substring, _ hash: String) async -> Result<Found, Refusal> {
        if let known = identity.known(hash: hash) { return accept(known.token, known.user, known.revision) }
        let found = await find(hash: hash)
        // A token that moved in from another dashboard, which kept a plain hash (`mcp.md` 8.1).
        guard case .failure(.unknown) = found else { return found }
        return await find(hash: key.keyedHash(SHA256Digest.hex(Array(secret.utf8))))
    }

    private func find(hash: String) async -> Result<Found, Refusal> {
        do {
            guard let (row, revision) = try await identity.token(hash: hash) else { return .failure(.unknown) }
            if TokenIdentity(row).isExpired(at: now()) { return .failure(.expired) }
            guard let user = try await identity.userMaybeNew(id: row.userID) else { return .failure(.ownerMissing) }
            return accept(row, user, revision)
        } catch {
            return .failure(.lookupFailed)
        }
    }

    private func accept(_ row: APITokenRecord, _ user: UserRecord, _ revision: Int64) -> Result<Found, Refusal> {
        let token = TokenIdentity(row)
        if token.isExpired(at: now()) { return .failure(.expired) }
        return .success((Principal(user: UserIdentity(user), credential: .token(token), revision: revision), token))
    }

    /// A program that was set up with a token which is none (any more) sends that one again and again: it guesses nothing,
    /// and others share its address.
    private func strike(_ hash: String, _ client: ClientAddress) {
        guard let ip = client.real, refused.withLock({ $0.isNew(hash, from: ip) }) else { return }
        strikes.strike(ip: ip, identifier: StrikeBook.tokenIdentifier, reason: .tokenBruteForce)
    }
}

/// Which uses of tokens are worth writing: one from another address or over a minute after the last that was written;
/// the first one at once.
struct TokenUses {
    private var written: [Int64: (at: Date, ip: String)] = [:]

    /// Tokens remembered at most; beyond it the table starts anew, and a token's next use is written once more.
    static let capacity = 100_000

    var count: Int { written.count }

    /// Whether to write this use; if so it counts as written.
    mutating func isDue(_ id: Int64, ip: String, at date: Date) -> Bool {
        if let last = written[id] {
            guard last.ip != ip || date.timeIntervalSince(last.at) > 60 else { return false }
        } else if written.count >= Self.capacity {
            written.removeAll()
        }
        written[id] = (date, ip)
        return true
    }
}

/// Which tokens were refused to which address, as hashes.
struct RefusedTokens {
    private struct Attempt: Hashable {
        var ip: String
        var hash: String
    }

    private var known: Set<Attempt> = []

    /// Attempts remembered at most; beyond it the table starts anew, and each counts once more.
    static let capacity = 10_000

    var count: Int { known.count }

    /// Whether this token has not come from this address before; from now on it has.
    mutating func isNew(_ hash: String, from ip: String) -> Bool {
        let attempt = Attempt(ip: ip, hash: hash)
        if known.contains(attempt) { return false }
        if known.count >= Self.capacity { known.removeAll() }
        known.insert(attempt)
        return true
    }
}
