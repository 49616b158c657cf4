import Foundation
import Secrets
import Storage
import Testing

@testable import MCPServer

@Suite("Accounts: the first administrator, names, passwords, agent secrets")
struct IdentityAccountTests {
    @Test("Weak defaults: a fresh start makes one administrator with a random password of its own")
    func freshStart() async throws {
        var passwords: Set<String> = []
        for _ in 0..<2 {
            let gateway = try await TestGateway()
            let first = try #require(try await gateway.accounts.createFirstAdministrator(.random))
            let password = try #require(first.passwordToShow)
            #expect(first.user.username == "admin")
            #expect(first.user.isAdministrator)
            #expect(password.utf8.count == 20)
            #expect(PasswordHash.verify(password, against: first.user.passwordHash))
            #expect(!PasswordHash.verify("admin", against: first.user.passwordHash))
            #expect(try await gateway.accounts.createFirstAdministrator(.random) == nil)
            #expect(try await gateway.storage.users.count() == 1)
            passwords.insert(password)
        }
        #expect(passwords.count == 2)
    }

    @Test("a password from the environment is used, not shown, and must be good; admin/admin only by name")
    func otherStarts() async throws {
        let given = try await TestGateway()
        let first = try #require(try await given.accounts.createFirstAdministrator(.given("good enough")))
        #expect(first.passwordToShow == nil)
        #expect(PasswordHash.verify("good enough", against: first.user.passwordHash))

        let weak = try await TestGateway()
        await #expect(throws: AccountError.passwordTooShort) {
            _ = try await weak.accounts.createFirstAdministrator(.given("admin"))
        }
        await #expect(throws: AccountError.passwordTooShort) {
            _ = try await weak.accounts.createFirstAdministrator(.given(""))
        }
        #expect(try await weak.storage.users.count() == 0)
        let historical = try #require(try await weak.accounts.createFirstAdministrator(.historical))
        #expect(PasswordHash.verify("admin", against: historical.user.passwordHash))
    }

    @Test("names and passwords that are not good are refused by name")
    func rules() async throws {
        let gateway = try await TestGateway()
        let accounts = gateway.accounts
        let table: [(String, String, AccountError)] = [
            ("", "long enough", .usernameRequired), (" \n", "long enough", .usernameRequired),
            (String(repeating: "n", count: 256), "long enough", .usernameTooLong),
            ("a\u{1B}[2J", "long enough", .usernameNotPrintable), ("a", "", .passwordTooShort),
            ("a", "12345", .passwordTooShort), ("a", String(repeating: "é", count: 37), .passwordTooLong),
        ]
        for (name, password, error) in table {
            await #expect(throws: error) {
                _ = try await accounts.createUser(username: name, password: password, role: .member)
            }
        }
        _ = try await accounts.createUser(username: "a", password: "123456", role: .member)
        _ = try await accounts.createUser(username: "b", password: String(repeating: "é", count: 36), role: .member)
        await #expect(throws: AccountError.usernameTaken) {
            _ = try await accounts.createUser(username: "a", password: "another one", role: .member)
        }
    }

    @Test("an agent secret is random, found by its keyed hash, stored sealed, and readable with the key only")
    func agentSecrets() async throws {
        let gateway = try await TestGateway()
        let one = try await gateway.user("one")
        let two = try await gateway.user("two")
        let secret = try gateway.accounts.agentSecret(of: one)
        let other = try gateway.accounts.agentSecret(of: two)
        #expect(secret.utf8.count == 32)
        #expect(secret != other)
        #expect(one.agentSecretHash == gateway.accounts.agentSecretHash(secret))
        #expect(!one.agentSecretSealed.contains(Array(secret.utf8)))
        let stranger = AccountService(
            storage: gateway.storage, dataKey: SecretKey(derivedFrom: Array("other".utf8), context: "data"))
        #expect(throws: SecretsError.cannotOpen) { _ = try stranger.agentSecret(of: one) }
    }

    @Test("another password voids the sessions, lets in who was locked out, and needs an existing user")
    func setPassword() async throws {
        let gateway = try await TestGateway()
        var user = try await gateway.user("user")
        user.rejectPassword = true
        try await gateway.storage.users.update(user)
        let session = try await gateway.session(of: user)
        try await gateway.accounts.setPassword("a new password", ofUserNamed: "user")
        try await gateway.identity.refresh()
        let stored = try #require(try await gateway.storage.users.user(id: user.id))
        #expect(PasswordHash.verify("a new password", against: stored.passwordHash))
        #expect(!stored.rejectPassword)
        #expect(stored.tokenVersion == user.tokenVersion + 1)
        #expect(try await gateway.identity.reload(session, now: gateway.now) == nil)
        await #expect(throws: AccountError.unknownUser) {
            try await gateway.accounts.setPassword("a new password", ofUserNamed: "nobody")
        }
        await #expect(throws: AccountError.passwordTooShort) {
            try await gateway.accounts.setPassword("short", ofUserNamed: "user")
        }
    }
}
