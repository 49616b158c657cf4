import JSON
import RESTAdapter
import Secrets
import Synchronization

import struct FoundationEssentials.Date

/// What the gateway knows of a visit to a provider when the browser comes back. It travels sealed in a cookie, so that
/// nothing is kept for visits that nobody ends, and only the browser that began one can end it.
struct LogInAttempt: Sendable, Hashable {
    enum Purpose: Int64, Sendable {
        case logIn = 1
        case bind = 2
    }

    var provider: String
    var purpose: Purpose
    /// Who began it; 0 for a guest. Whoever ends a bind must be the same.
    var userID: Int64
    /// What the provider sends back: ties the answer to this visit.
    var state: String
    /// PKCE (RFC 7636): ties the code to this gateway.
    var verifier: String
    /// Where the provider sends the browser; it is repeated when the code is handed in.
    var redirect: String
    /// Unix seconds.
    var expires: Int64
}

/// Seals attempts, and lets each be used once.
final class LogInAttempts: Sendable {
    /// Used states remembered at most; beyond it the oldest are forgotten. Its own browser could hand one in again then,
    /// whose code the provider has taken back.
    private static let capacity = 10_000

    private let key: SecretKey
    private let now: @Sendable () -> Date
    /// By state: the second from which on it would be refused anyway.
    private let used = Mutex<[String: Int64]>([:])

    /// - Parameter dataKey: what seals derives from it.
    init(dataKey: SecretKey, now: @escaping @Sendable () -> Date) {
        key = SecretKey(derivedFrom: dataKey.mac(Array("oauth2 log-in attempts".utf8)), context: "oauth2 attempt")
        self.now = now
    }

    func begin(
        _ purpose: LogInAttempt.Purpose, at provider: String, by userID: Int64, redirect: String
    ) -> (attempt: LogInAttempt, sealed: String) {
        let attempt = LogInAttempt(
            provider: provider, purpose: purpose, userID: userID, state: SecureRandom.alphanumeric(32),
            verifier: SecureRandom.alphanumeric(64), redirect: redirect,
            expires: Int64(now().timeIntervalSince1970) + Int64(SessionCookies.visitAge))
        return (attempt, Base64.url.encode(key.seal(attempt.json.serialized())))
    }

    /// The attempt that this cookie and this state belong to; from then on it is used.
    /// - Returns: `nil` when they do not belong together, it is used or too old.
    func end(sealed: String?, state: String?) -> LogInAttempt? {
        guard let sealed, let state, sealed.utf8.count <= 4096, let bytes = Base64.url.decode(Array(sealed.utf8)),
            let plain = try? key.open(bytes), let attempt = (try? JSONParser.parse(plain)).flatMap(LogInAttempt.init),
            constantTimeEquals(Array(attempt.state.utf8), Array(state.utf8))
        else { return nil }
        let second = Int64(now().timeIntervalSince1970)
        guard second < attempt.expires else { return nil }
        return used.withLock { used in
            guard used[attempt.state] == nil else { return nil }
            used = used.filter { $0.value > second }
            if used.count >= Self.capacity, let oldest = used.min(by: { $0.value < $1.value }) {
                used[oldest.key] = nil
            }
            used[attempt.state] = attempt.expires
            return attempt
        }
    }
}

extension LogInAttempt {
    fileprivate var json: JSONValue {
        [
            "provider": .string(provider), "purpose": .integer(purpose.rawValue), "user": .integer(userID),
            "state": .string(state), "verifier": .string(verifier), "redirect": .string(redirect),
            "expires": .integer(expires),
        ]
    }

    fileprivate init?(_ json: JSONValue) {
        guard let provider = json["provider"]?.stringValue,
            let purpose = json["purpose"]?.int64Value.flatMap(Purpose.init), let userID = json["user"]?.int64Value,
            let state = json["state"]?.stringValue, let verifier = json["verifier"]?.stringValue,
            let redirect = json["redirect"]?.stringValue, let expires = json["expires"]?.int64Value
        else { return nil }
        self.init(
            provider: provider, purpose: purpose, userID: userID, state: state, verifier: verifier, redirect: redirect,
            expires: expires)
    }

    /// Of PKCE, for the provider: the hash of what only the gateway knows.
    var challenge: String { Base64.url.encode(SHA256Digest.hash(Array(verifier.utf8))) }
}
