import Secrets

/// The token that a page of ours reads from its cookie and repeats in a header, which a foreign page cannot (`rest.md`
/// 2): `<64 hex>.<hex HMAC-SHA256 of those 64 with jwt_secret_key>`.
struct CSRFTokens: Sendable {
    private static let randomCount = 32
    /// Ours have 129 bytes.
    private static let lengthLimit = 256

    private let secret: SessionSecret

    init(secret: SessionSecret) { self.secret = secret }

    func make() -> String {
        let nonce = Hex.encode(SecureRandom.bytes(Self.randomCount))
        return "\(nonce).\(code(of: nonce))"
    }

    func isValid(_ token: String) -> Bool {
        guard token.utf8.count <= Self.lengthLimit else { return false }
        let halves = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map(
            Substring.init)
        guard halves.count == 2, halves[0].utf8.count == 2 * Self.randomCount, Hex.decode(halves[0]) != nil
        else { return false }
        return constantTimeEquals(Array(halves[1].utf8), Array(code(of: String(halves[0])).utf8))
    }

    /// Whether header and cookie are the same valid token.
    func confirms(header: String?, cookie: String?) -> Bool {
        guard let header, let cookie, constantTimeEquals(Array(header.utf8), Array(cookie.utf8)) else { return false }
        return isValid(cookie)
    }

    private func code(of nonce: String) -> String {
        Hex.encode(HMACSHA256.code(key: secret.bytes, message: Array(nonce.utf8)))
    }
}
