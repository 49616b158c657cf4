import Foundation
import JSON
import MCPServer
import Secrets
import Testing

@testable import RESTAdapter

/// The text of a session: signature, algorithm, claims.
@Suite("Session text")
struct SessionTextTests {
    private let secret: SessionSecret
    private let tokens: JWTSessionTokens
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    init() throws {
        secret = try SessionSecret(TestWorld.secretText)
        tokens = JWTSessionTokens(secret: secret)
    }

    private func sign(_ id: Int64 = 7) -> String {
        tokens.sign(userID: id, keyID: "key", issuedAt: start, expiresAt: start.addingTimeInterval(60))
    }

    @Test("what is signed is read back, and says no user id")
    func roundTrip() throws {
        let text = sign()
        let claims = try tokens.verify(text)
        #expect(tokens.userID(of: claims) == 7)
        #expect(claims.keyId == "key")
        #expect(claims.exp == 1_800_000_060)
        #expect(claims.orig_iat == 1_800_000_000)
        let parts = text.split(separator: ".")
        #expect(try Forgery.json(parts[0])["alg"] == "HS256")
        let payload = try Forgery.json(parts[1])
        #expect(Set(payload.objectValue?.keys ?? []) == ["uid", "keyId", "exp", "orig_iat"])
        // Sealed, so that it is another text each time.
        let uid = try #require(payload["uid"]?.stringValue)
        #expect(uid.count == 64)
        #expect(try Forgery.json(sign().split(separator: ".")[1])["uid"]?.stringValue != uid)
    }

    @Test(
        "Weak defaults: the algorithm is HS256, whatever the header asks for",
        arguments: [
            #"{"alg":"none","typ":"JWT"}"#, #"{"alg":"None"}"#, #"{"alg":"HS512","typ":"JWT"}"#, #"{"alg":"RS256"}"#,
            #"{"typ":"JWT"}"#, #"{"alg":"hs256"}"#, #"{"alg":["HS256"]}"#, #"{"alg":"HS256","crit":["exp"]}"#,
            #"{"alg":"none","alg":"HS256"}"#, "[]", "",
        ])
    func otherAlgorithms(header: String) throws {
        let body = String(sign().split(separator: ".")[1])
        // Even with a good HS256 signature over that very header, and without any.
        for text in [
            Forgery.sign(header: header, body: body, key: TestWorld.secretText),
            Forgery.encode(header) + "." + body + ".",
        ] {
            #expect(throws: SessionRefusal.malformed) { try tokens.verify(text) }
        }
    }

    /// What JWTKit wrote for this key on 2026-11-29, in a log-in of the first user.
    private static let madeByJWTKit =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        + "eyJrZXlJZCI6IjE2VFFUdUhhd0FDUmplUlpyTVJzbEt6YXRHcUJncmNwIiwidWlkIjoiMWQ3ZDM1ZTY1NDJmZjlmZCIsImV4cCI6"
        + "MTc5NTk1NzczMiwib3JpZ19pYXQiOjE3OTU5NTQxMzJ9.JWpwxsJix5-ls2GQNgPA5C63lw3ZscTi9guF3LjbNpU"

    @Test("a text of an earlier build is one of ours, and names nobody any more")
    func madeBefore() throws {
        let claims = try tokens.verify(Self.madeByJWTKit)
        #expect(tokens.userID(of: claims) == nil)
        #expect(tokens.isOfEarlierBuild(claims))
        #expect(claims.keyId == "16TQTuHawACRjeRZrMRslKzatGqBgrcp")
        #expect(claims.exp == 1_795_957_732)
        #expect(claims.orig_iat == 1_795_954_132)
        let ours = tokens.sign(
            userID: 1, keyID: claims.keyId, issuedAt: Date(timeIntervalSince1970: 1_795_954_132),
            expiresAt: Date(timeIntervalSince1970: 1_795_957_732))
        #expect(try tokens.userID(of: tokens.verify(ours)) == 1)
        #expect(ours.split(separator: ".")[0] == Self.madeByJWTKit.split(separator: ".")[0])
    }

    @Test(
        "other claims, another order, a key's name and a missing type do no harm",
        arguments: [
            #"{"alg":"HS256"}"#, #"{"kid":"k","typ":"JWT","alg":"HS256"}"#, #"{ "typ" : "else", "alg" : "HS256" }"#,
        ])
    func spellings(header: String) throws {
        let uid = UserIDCipher(secret: secret).encode(7)
        let body = #"{"orig_iat":1,"nbf":99999999999,"exp":2,"iss":["x"],"keyId":"k","uid":"\#(uid)"}"#
        let text = Forgery.sign(header: header, body: Forgery.encode(body), key: TestWorld.secretText)
        let claims = try tokens.verify(text)
        #expect(claims == JWTSessionTokens.Claims(uid: uid, keyId: "k", exp: 2, orig_iat: 1))
        #expect(tokens.userID(of: claims) == 7)
    }

    @Test("4096 bytes are looked at, 4097 are not")
    func longest() throws {
        // A key identifier of some length makes a text of exactly that many bytes.
        func text(_ count: Int) -> String? {
            for length in 2800..<3000 {
                let made = tokens.sign(
                    userID: 7, keyID: String(repeating: "k", count: length), issuedAt: start, expiresAt: start)
                if made.utf8.count == count { return made }
            }
            return nil
        }
        let longest = try #require(text(4096))
        #expect(throws: Never.self) { try tokens.verify(longest) }
        let tooLong = try #require(text(4097))
        #expect(throws: SessionRefusal.malformed) { try tokens.verify(tooLong) }
    }

    @Test("A MAC made but not checked: no bit of the text may change")
    func everyBit() throws {
        let text = Array(sign().utf8)
        for position in text.indices {
            for bit in 0..<7 {
                var changed = text
                changed[position] ^= 1 << UInt8(bit)
                let forged = String(decoding: changed, as: UTF8.self)
                #expect(throws: SessionRefusal.self, "byte \(position) bit \(bit)") {
                    try tokens.verify(forged)
                }
            }
        }
    }

    @Test("another key's signature, a cut text and a huge one are refused")
    func forgeries() throws {
        let other = JWTSessionTokens(secret: try SessionSecret(String(repeating: "k", count: 32)))
        let foreign = other.sign(
            userID: 7, keyID: "key", issuedAt: start, expiresAt: start.addingTimeInterval(60))
        #expect(throws: SessionRefusal.badSignature) { try tokens.verify(foreign) }
        let text = sign()
        for bad in ["", ".", "..", "...", "x.y.z", text + ".", text + "=", String(text.dropLast(44)), text + text] {
            #expect(throws: SessionRefusal.self, "\(bad)") { try tokens.verify(bad) }
        }
        #expect(throws: SessionRefusal.malformed) {
            try tokens.verify(String(repeating: "A", count: 5000))
        }
    }

    @Test("a signed text that is not ours by its claims is refused")
    func otherClaims() throws {
        for body in [#"{"exp":4102444800}"#, "[]", "x", #"{"uid":"1","keyId":"k","exp":"soon","orig_iat":1}"#] {
            let text = Forgery.sign(
                header: #"{"alg":"HS256"}"#, body: Forgery.encode(body), key: TestWorld.secretText)
            #expect(throws: SessionRefusal.malformed) { try tokens.verify(text) }
        }
    }

    @Test("the text of a user's id tells nothing of it, and is another one each time")
    func cipher() throws {
        let cipher = UserIDCipher(secret: secret)
        let ids = Array(Int64(1)...200) + [Int64.max, 1 << 40]
        let texts = ids.map(cipher.encode)
        #expect(Set(texts).count == ids.count)
        #expect(Set(texts.map(\.utf8.count)).count == 1)
        #expect(texts.map(cipher.decode) == ids)
        #expect(texts.map(UserIDCipher(secret: secret).decode) == ids)
        #expect(cipher.encode(1) != texts[0])
        let other = UserIDCipher(secret: try SessionSecret(String(repeating: "k", count: 32)))
        #expect(other.decode(texts[0]) == nil)
    }

    @Test("A MAC made but not checked: no character of the text of an id may change")
    func changedID() {
        let cipher = UserIDCipher(secret: secret)
        let text = Array(cipher.encode(7).utf8)
        for position in text.indices {
            var changed = text
            changed[position] = changed[position] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(cipher.decode(String(decoding: changed, as: UTF8.self)) == nil)
        }
    }

    @Test("only the one spelling of an id is one", arguments: ["", "1", "zz", "+123456789abcdef", " "])
    func badIDs(text: String) {
        let cipher = UserIDCipher(secret: secret)
        #expect(cipher.decode(text) == nil)
        #expect(cipher.decode(cipher.encode(0)) == nil)
        #expect(cipher.decode(cipher.encode(-5)) == nil)
        #expect(cipher.decode(cipher.encode(1).uppercased()) == nil)
    }

    @Test("a short key is refused, and a key never shows")
    func keys() throws {
        #expect(throws: SessionSecretError.tooShort(minimum: 32)) {
            try SessionSecret(String(repeating: "x", count: 31))
        }
        var dumped = ""
        dump(secret, to: &dumped)
        for text in [dumped, "\(secret)", String(reflecting: secret), String(reflecting: [secret])] {
            #expect(!text.contains("canary"))
            #expect(!text.contains("106"))
        }
    }
}

/// JWTs as an attacker makes them.
enum Forgery {
    static func encode(_ text: String) -> String { encode(Array(text.utf8)) }

    static func encode(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// - Parameter body: encoded already.
    static func sign(header: String, body: String, key: String) -> String {
        let signed = encode(header) + "." + body
        return signed + "." + encode(HMACSHA256.code(key: Array(key.utf8), message: Array(signed.utf8)))
    }

    static func json(_ part: Substring) throws -> JSONValue {
        try JSONParser.parse(try #require(Base64.url.decode(Array(part.utf8))))
    }
}
