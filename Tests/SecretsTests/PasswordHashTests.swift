import Secrets
import Testing

@Suite("Password hashes")
struct PasswordHashTests {
    @Test("a hash accepts its password and nothing else")
    func verify() throws {
        let hash = try PasswordHash.make("correct horse", cost: .minimal)
        #expect(hash.hasPrefix("$argon2id$v=19$m=8,t=1,p=1$"))
        #expect(PasswordHash.verify("correct horse", against: hash))
        for wrong in ["", "correct hors", "correct horse ", "Correct horse", "correct horse\0"] {
            #expect(!PasswordHash.verify(wrong, against: hash))
        }
        #expect(try PasswordHash.make("correct horse", cost: .minimal) != hash, "the salt is new each time")
    }

    @Test("a hash of the reference implementation of Argon2 is understood")
    func foreignHash() {
        let hash =
            "$argon2id$v=19$m=1024,t=2,p=1$uzsbV9VT+nzlWyfispQglw$7qNEEiIdhDQX1kkhKLr1DUZPWjTsx8O6Xr5KcQtr4HM"
        #expect(PasswordHash.verify("pässword", against: hash))
        #expect(!PasswordHash.verify("password", against: hash))
    }

    @Test(
        "hashes of imported databases are understood: bcrypt",
        arguments: [
            ("admin", "$2a$10$abcdefghijklmnopqrstuuQaLxbHNyOkst.5hok/MxsNYsoRyHiAq"),
            ("parity-Pass-1", "$2b$04$abcdefghijklmnopqrstuuW9jr3oDwDbdTYXx.NHQSEn1vzLHVs0u"),
            ("pässwörd", "$2y$05$abcdefghijklmnopqrstuuZVEMa1pjhlynBQ1qXmSvGBJpN9h1w8G"),
            (
                String(repeating: "x", count: 72), "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i"
            ),
        ])
    func bcrypt(password: String, hash: String) throws {
        #expect(PasswordHash.verify(password, against: hash))
        // The 73rd byte, which bcrypt itself does not look at, counts; so does what stands behind a NUL.
        for wrong in ["", password + "x", password + "\0", String(password.dropLast())] {
            #expect(!PasswordHash.verify(wrong, against: hash))
        }
        #expect(!PasswordHash.verify(password, against: hash + "\0"))
        #expect(!PasswordHash.verify(password, against: String(hash.dropLast())))
        #expect(PasswordHash.isOutdated(hash))
        #expect(!PasswordHash.isOutdated(try PasswordHash.make(password, cost: .minimal)))
    }

    @Test("a bcrypt hash that would take minutes is none: cost 15 is tried, 16 is not")
    func bcryptCost() {
        let rest = "abcdefghijklmnopqrstuuQaLxbHNyOkst.5hok/MxsNYsoRyHiAq"
        #expect(PasswordHash.isOutdated("$2a$15$" + rest))
        for cost in ["16", "31", "03", "1x", "99"] {
            #expect(!PasswordHash.isOutdated("$2a$\(cost)$" + rest))
            #expect(!PasswordHash.verify("admin", against: "$2a$\(cost)$" + rest))
        }
        #expect(!PasswordHash.isOutdated("$2x$10$" + rest))
        #expect(!PasswordHash.isOutdated("$2a$10$" + rest.dropLast() + ":"))
    }

    @Test("passwords with a NUL, empty ones and long ones work")
    func oddPasswords() throws {
        for password in ["", "a\0b", String(repeating: "ü", count: 5000)] {
            let hash = try PasswordHash.make(password, cost: .minimal)
            #expect(PasswordHash.verify(password, against: hash))
            #expect(!PasswordHash.verify(password + "x", against: hash))
        }
        let hash = try PasswordHash.make("a\0b", cost: .minimal)
        #expect(!PasswordHash.verify("a", against: hash), "the whole password counts")
    }

    @Test(
        "a text that is no hash accepts nothing",
        arguments: ["", "x", "$argon2id$", "$2a$10$abcdefghijklmnopqrstuv", String(repeating: "$", count: 500), "\0"])
    func noHash(text: String) {
        #expect(!PasswordHash.verify("", against: text))
        #expect(!PasswordHash.verify("x", against: text))
    }

    @Test("a hash with anything behind a NUL is refused")
    func trailingBytes() throws {
        let hash = try PasswordHash.make("p", cost: .minimal)
        #expect(!PasswordHash.verify("p", against: hash + "\0tail"))
    }

    @Test("a cost out of range is refused")
    func cost() {
        for cost in [
            PasswordHash.Cost(operations: 0, memory: 8 << 10), .init(operations: 1, memory: 1),
            .init(operations: 1 << 33, memory: 8 << 10), .init(operations: 1, memory: 1 << 40),
        ] {
            #expect(throws: SecretsError.malformed("cost")) { try PasswordHash.make("p", cost: cost) }
        }
    }

    /// Class "user names told apart by time": the ratio, not the seconds, so that a busy machine does not matter.
    @Test("an unknown user takes about as long as a wrong password")
    func dummyTakesAsLong() throws {
        let hash = try PasswordHash.make("p")
        #expect(hash.hasPrefix("$argon2id$v=19$m=65536,t=2,p=1$"))
        let clock = ContinuousClock()
        // The least of several runs is what the work takes when nothing else disturbs.
        let real = try #require(
            (0..<4).map { _ in clock.measure { _ = PasswordHash.verify("x", against: hash) } }.min())
        let dummy = try #require((0..<4).map { _ in clock.measure { PasswordHash.verifyDummy("x") } }.min())
        #expect(dummy > real / 3)
        #expect(dummy < real * 3)
        #expect(dummy > .milliseconds(5))
    }

    @Test("the detached forms give the same answers, many at once")
    func detached() async throws {
        let hash = try await PasswordHash.makeDetached("p", cost: .minimal)
        try await PasswordHash.verifyDummyDetached("p")
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<24 {
                group.addTask {
                    let right = index.isMultiple(of: 2)
                    return try await PasswordHash.verifyDetached(right ? "p" : "q", against: hash) == right
                }
            }
            for try await agrees in group { #expect(agrees) }
        }
        await #expect(throws: SecretsError.malformed("cost")) {
            try await PasswordHash.makeDetached("p", cost: .init(operations: 0, memory: 0))
        }
    }

    @Test("a cancelled task's job is skipped")
    func cancelled() async throws {
        let hash = try PasswordHash.make("p", cost: .minimal)
        let task = Task { () -> (Bool, Bool) in
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            let verified = (try? await PasswordHash.verifyDetached("p", against: hash)) ?? true
            let made = try? await PasswordHash.makeDetached("p", cost: .minimal)
            return (verified, made != nil)
        }
        let (verified, made) = await task.value
        #expect(!verified)
        #expect(!made)
    }
}
