import JSON
import MCPServer
import Secrets

package import struct FoundationEssentials.Date

/// The signed text of a log-in: a JWT (RFC 7519), HS256 with `jwt_secret_key` (`rest.md` 2).
package struct JWTSessionTokens: SessionTokens {
    /// What a session's text says. Expiry is checked by the authenticator, whose clock tests can set.
    struct Claims: Hashable, Sendable {
        /// The user's id as ``UserIDCipher`` writes it.
        var uid: String
        /// Names the session row.
        var keyId: String
        /// Seconds since 1970.
        var exp: Int64
        /// Seconds since 1970.
        var orig_iat: Int64
    }

    /// The longest text that is looked at; ours have about 250 bytes.
    private static let lengthLimit = 4096

    /// What every text of ours begins with.
    private static let header = Base64.url.encode(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8))

    private let key: [UInt8]
    private let cipher: UserIDCipher

    package init(secret: SessionSecret) {
        key = secret.bytes
        cipher = UserIDCipher(secret: secret)
    }

    package func sign(userID: Int64, keyID: String, issuedAt: Date, expiresAt: Date) -> String {
        let claims: JSONValue = [
            "uid": .string(cipher.encode(userID)), "keyId": .string(keyID),
            "exp": .integer(Int64(expiresAt.timeIntervalSince1970)),
            "orig_iat": .integer(Int64(issuedAt.timeIntervalSince1970)),
        ]
        let signed = "\(Self.header).\(Base64.url.encode(claims.serialized()))"
        return "\(signed).\(Base64.url.encode(HMACSHA256.code(key: key, message: Array(signed.utf8))))"
    }

    /// What the text says, when we signed it. Nothing in it is looked at before its signature is right, but for the
    /// header, which chooses no algorithm (`security.md`, weak defaults).
    func verify(_ text: String) throws(SessionRefusal) -> Claims {
        guard text.utf8.count <= Self.lengthLimit else { throw .malformed }
        // One token has one spelling: each part is read strictly.
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64.url.decode(Array(parts[0])),
            let body = Base64.url.decode(Array(parts[1])),
            let signature = Base64.url.decode(Array(parts[2])), Self.isOurs(header)
        else { throw .malformed }
        let signed = Array(text.utf8[..<parts[1].endIndex])
        guard constantTimeEquals(signature, HMACSHA256.code(key: key, message: signed)) else { throw .badSignature }
        guard let claims = Claims(body) else { throw .malformed }
        return claims
    }

    /// The user's id; `nil` when it is none of ours.
    func userID(of claims: Claims) -> Int64? { cipher.decode(claims.uid) }

    /// Whether the user's id is written as it was before ``UserIDCipher`` sealed it.
    func isOfEarlierBuild(_ claims: Claims) -> Bool {
        let digits = "0123456789abcdef".utf8
        return claims.uid.utf8.count == 16 && claims.uid.utf8.allSatisfy(digits.contains)
    }

    /// Whether a header names our algorithm and asks for nothing that we do not know (RFC 7515, 4.1.11).
    private static func isOurs(_ header: [UInt8]) -> Bool {
        guard let header = try? JSONParser.parse(header), case .string(let algorithm)? = header["alg"] else {
            return false
        }
        return Array(algorithm.utf8) == Array("HS256".utf8) && header["crit"] == nil
    }
}

extension JWTSessionTokens.Claims {
    /// `nil` unless all claims of ours are there; others are passed over.
    fileprivate init?(_ json: [UInt8]) {
        guard let value = try? JSONParser.parse(json), let uid = value["uid"]?.stringValue,
            let keyID = value["keyId"]?.stringValue, let exp = value["exp"]?.int64Value,
            let issuedAt = value["orig_iat"]?.int64Value
        else { return nil }
        self.init(uid: uid, keyId: keyID, exp: exp, orig_iat: issuedAt)
    }
}
