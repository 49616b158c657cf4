import JWTKit
public import MCPServer

public import struct Foundation.Date

/// The signed text of a log-in: a JWT, HS256 with `jwt_secret_key` (`rest.md` 2).
public struct JWTSessionTokens: SessionTokens {
    /// What a session's text says.
    struct Claims: JWTPayload, Hashable {
        /// The user's id as ``UserIDCipher`` writes it.
        var uid: String
        /// Names the session row.
        var keyId: String
        var exp: Int64
        var orig_iat: Int64

        /// Expiry is checked by the authenticator, whose clock tests can set.
        func verify(using algorithm: some JWTAlgorithm) {}
    }

    /// The longest text that is looked at; ours have about 250 bytes.
    private static let lengthLimit = 4096

    private let keys: JWTKeyCollection
    private let cipher: UserIDCipher

    public init(secret: SessionSecret) async {
        keys = JWTKeyCollection()
        cipher = UserIDCipher(secret: secret)
        await keys.add(hmac: HMACKey(from: secret.bytes), digestAlgorithm: .sha256)
    }

    public func sign(userID: Int64, keyID: String, issuedAt: Date, expiresAt: Date) async throws -> String {
        try await keys.sign(
            Claims(
                uid: cipher.encode(userID), keyId: keyID, exp: Int64(expiresAt.timeIntervalSince1970),
                orig_iat: Int64(issuedAt.timeIntervalSince1970)))
    }

    /// What the text says, when we signed it.
    func verify(_ text: String) async throws(SessionRefusal) -> Claims {
        guard text.utf8.count <= Self.lengthLimit else { throw .malformed }
        try Self.checkForm(text)
        do {
            return try await keys.verify(text, as: Claims.self)
        } catch let error as JWTError where error.errorType == .signatureVerificationFailed {
            throw .badSignature
        } catch {
            throw .malformed
        }
    }

    /// The user's id; `nil` when it is none of ours.
    func userID(of claims: Claims) -> Int64? { cipher.decode(claims.uid) }

    /// The algorithm is not the sender's choice (`security.md`, weak defaults), and one token has one spelling.
    private static func checkForm(_ text: String) throws(SessionRefusal) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let head = Base64URL.decode(parts[0]), Base64URL.decode(parts[1]) != nil,
            Base64URL.decode(parts[2]) != nil
        else { throw .malformed }
        guard let header = try? JSONParser.parse(head), header["alg"]?.stringValue == "HS256", header["crit"] == nil
        else { throw .malformed }
    }
}
