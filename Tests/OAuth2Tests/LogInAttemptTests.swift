import FoundationEssentials
import Secrets
import Synchronization
import Testing

@testable import OAuth2

@Suite("OAuth2: visits to a provider")
struct LogInAttemptTests {
    private final class Clock: Sendable {
        private let date = Mutex(Date(timeIntervalSince1970: 1_800_000_000))
        var now: Date { date.withLock { $0 } }
        func advance(_ seconds: Double) { date.withLock { $0 += seconds } }
    }

    private static func key() throws -> SecretKey { try SecretKey(bytes: [UInt8](repeating: 7, count: 32)) }

    @Test("the browser that began a visit ends it, once")
    func once() throws {
        let attempts = LogInAttempts(dataKey: try Self.key(), now: { Date() })
        let (attempt, sealed) = attempts.begin(.bind, at: "GitHub", by: 5, redirect: "https://a.example/callback")
        #expect(attempts.end(sealed: sealed, state: attempt.state) == attempt)
        #expect(attempts.end(sealed: sealed, state: attempt.state) == nil)
        #expect(attempt.state.utf8.count == 32)
        #expect(43...128 ~= attempt.verifier.utf8.count)
    }

    @Test("state and cookie of two visits, changed ones and missing ones end none")
    func wrong() throws {
        let attempts = LogInAttempts(dataKey: try Self.key(), now: { Date() })
        let (one, sealedOne) = attempts.begin(.logIn, at: "A", by: 0, redirect: "r")
        let (two, sealedTwo) = attempts.begin(.logIn, at: "A", by: 0, redirect: "r")
        #expect(attempts.end(sealed: sealedOne, state: two.state) == nil)
        #expect(attempts.end(sealed: sealedTwo, state: one.state) == nil)
        #expect(attempts.end(sealed: nil, state: one.state) == nil)
        #expect(attempts.end(sealed: "", state: one.state) == nil)
        #expect(attempts.end(sealed: sealedOne, state: nil) == nil)
        #expect(attempts.end(sealed: sealedOne, state: "") == nil)
        for position in stride(from: 0, to: sealedOne.utf8.count, by: 7) {
            var bytes = Array(sealedOne.utf8)
            bytes[position] = bytes[position] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(attempts.end(sealed: String(decoding: bytes, as: UTF8.self), state: one.state) == nil)
        }
        // Of none of these refusals the visit itself was used up.
        #expect(attempts.end(sealed: sealedOne, state: one.state) == one)
        let others = LogInAttempts(dataKey: try SecretKey(bytes: [UInt8](repeating: 8, count: 32)), now: { Date() })
        #expect(others.end(sealed: sealedTwo, state: two.state) == nil)
    }

    @Test("a visit lasts five minutes and not a second longer")
    func lifetime() throws {
        let clock = Clock()
        let attempts = LogInAttempts(dataKey: try Self.key(), now: { clock.now })
        let (one, sealedOne) = attempts.begin(.logIn, at: "A", by: 0, redirect: "r")
        let (two, sealedTwo) = attempts.begin(.logIn, at: "A", by: 0, redirect: "r")
        clock.advance(299)
        #expect(attempts.end(sealed: sealedOne, state: one.state) != nil)
        clock.advance(1)
        #expect(attempts.end(sealed: sealedTwo, state: two.state) == nil)
    }

    @Test("the challenge is the one of RFC 7636, appendix B")
    func challenge() {
        let attempt = LogInAttempt(
            provider: "A", purpose: .logIn, userID: 0, state: "s",
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", redirect: "r", expires: 0)
        #expect(attempt.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    }
}
