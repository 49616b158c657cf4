import Foundation
import Secrets
import Storage
import Testing

@testable import MCPServer

@Suite("Tokens: rules, secrets, legacy scopes")
struct IdentityTokenIssuerTests {
    /// A member with a server, another member with one, an administrator.
    private struct World {
        let gateway: TestGateway
        let member: UserRecord
        let admin: UserRecord
        let mine: Int64
        let foreign: Int64

        init() async throws {
            gateway = try await TestGateway()
            member = try await gateway.user("member")
            admin = try await gateway.user("root", role: .administrator)
            let other = try await gateway.user("other")
            mine = try await gateway.server(of: member.id).id
            foreign = try await gateway.server(of: other.id).id
        }

        func refusal(_ request: TokenIssuer.Request, as user: UserRecord) async throws -> String? {
            do {
                _ = try await gateway.issuer.issue(request, for: UserIdentity(user))
                return nil
            } catch ToolFailure.rejected(let text) {
                return text.english
            }
        }
    }

    private typealias Request = TokenIssuer.Request
    private static let good = ["nezha:server:read"]

    @Test("each rule has its text, and the first broken one is told")
    func rules() async throws {
        let world = try await World()
        let table: [(Request, String?)] = [
            (Request(name: "ci", scopes: Self.good), nil),
            (Request(name: "", scopes: Self.good), "name required"),
            (Request(name: " \t\n", scopes: ["nonsense"], expiresInDays: -1), "name required"),
            (Request(name: String(repeating: "é", count: 64), scopes: Self.good), nil),
            (Request(name: String(repeating: "é", count: 65), scopes: Self.good), "name too long (max 128 chars)"),
            (Request(name: String(repeating: "n", count: 129), scopes: Self.good), "name too long (max 128 chars)"),
            (Request(name: "ci", scopes: Self.good, expiresInDays: -1), "expires_in_days must be >= 0"),
            (Request(name: "ci", scopes: Self.good, expiresInDays: 3650), nil),
            (
                Request(name: "ci", scopes: Self.good, expiresInDays: 3651),
                "expires_in_days too large (max 3650, i.e. 10 years)"
            ),
            (Request(name: "ci", scopes: Array(repeating: Self.good[0], count: 32)), nil),
            (Request(name: "ci", scopes: Array(repeating: Self.good[0], count: 33)), "too many scopes (max 32)"),
            (
                Request(name: "ci", scopes: Self.good, serverIDs: Array(repeating: 1, count: 1001)),
                "too many server_ids (max 1000)"
            ),
            (Request(name: "ci", scopes: []), "at least one scope required"),
            (Request(name: "ci", scopes: [" ", ""]), "at least one scope required"),
            (Request(name: "ci", scopes: ["nezha:server:fly"]), "unknown scope: nezha:server:fly"),
            (Request(name: "ci", scopes: ["nezha:admin:read"]), "unknown scope: nezha:admin:read"),
            (Request(name: "ci", scopes: ["nezha:rocket:*"]), "unknown scope: nezha:rocket:*"),
            (Request(name: "ci", scopes: ["NEZHA:server:read"]), "unknown scope: NEZHA:server:read"),
            (Request(name: "ci", scopes: ["nezha:server:*", "nezha:notification-group:*"]), nil),
            (Request(name: "ci", scopes: ["nezha:*"]), "only admin can issue scope: nezha:*"),
            (Request(name: "ci", scopes: ["nezha:admin:*"]), "only admin can issue scope: nezha:admin:*"),
            (Request(name: "ci", scopes: Self.good, serverIDs: [0]), "server_id 0 is invalid"),
            (Request(name: "ci", scopes: Self.good, serverIDs: [world.mine, 999]), "server not found"),
            (Request(name: "ci", scopes: Self.good, serverIDs: [-1]), "server not found"),
            (Request(name: "ci", scopes: Self.good, serverIDs: [world.foreign]), "permission denied on server"),
            (Request(name: "ci", scopes: Self.good, serverIDs: [world.mine]), nil),
        ]
        for (request, text) in table {
            #expect(try await world.refusal(request, as: world.member) == text, "\(request)")
        }
    }

    @Test("an administrator may issue the wildcards and name anybody's servers, but only such as exist")
    func administrator() async throws {
        let world = try await World()
        for scope in ["nezha:*", "nezha:admin:*"] {
            #expect(try await world.refusal(Request(name: "ci", scopes: [scope]), as: world.admin) == nil)
        }
        let foreign = Request(name: "ci", scopes: Self.good, serverIDs: [world.foreign])
        #expect(try await world.refusal(foreign, as: world.admin) == nil)
        let missing = Request(name: "ci", scopes: Self.good, serverIDs: [999])
        #expect(try await world.refusal(missing, as: world.admin) == "server not found")
    }

    @Test("every issuable scope can be issued, and there are 43")
    func allScopes() async throws {
        let world = try await World()
        #expect(Scope.issuable.count == 43)
        for scope in Scope.issuable {
            #expect(try await world.refusal(Request(name: "ci", scopes: [scope.rawValue]), as: world.admin) == nil)
        }
    }

    @Test("scopes and servers keep their order, each once; old names are rewritten, dangerous ones refused")
    func normalises() async throws {
        let world = try await World()
        let second = try await world.gateway.server(of: world.member.id).id
        let issued = try await world.gateway.issuer.issue(
            Request(
                name: "  ci ",
                scopes: [
                    " nezha:cron:read ", "mcp:server:exec", "", "mcp:fs:read", "mcp:server:read", "nezha:cron:read",
                ],
                serverIDs: [second, world.mine, second], expiresInDays: 30),
            for: UserIdentity(world.member))
        #expect(issued.token.name == "ci")
        #expect(issued.token.userID == world.member.id)
        #expect(issued.token.scopes == ["nezha:cron:read", "nezha:server:exec", "nezha:server:read"])
        #expect(issued.token.serverIDs == [second, world.mine])
        #expect(issued.token.expiresAt == world.gateway.now.addingTimeInterval(30 * 86_400))
        for scope in ["mcp:fs:write", "mcp:fs:delete", "mcp:*", "mcp:"] {
            let request = Request(name: "ci", scopes: [scope])
            #expect(try await world.refusal(request, as: world.admin) == "unknown scope: \(scope)")
        }
    }

    @Test("Secrets in answers: a secret has 36 characters, differs each time, and only its keyed hash is stored")
    func secrets() async throws {
        let world = try await World()
        let request = Request(name: "ci", scopes: Self.good)
        let first = try await world.gateway.issuer.issue(request, for: UserIdentity(world.member))
        let second = try await world.gateway.issuer.issue(request, for: UserIdentity(world.member))
        #expect(first.secret.hasPrefix("nzp_"))
        #expect(first.secret.utf8.count == 36)
        #expect(first.secret != second.secret)
        #expect(first.secret.dropFirst(4).allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) })
        #expect(first.token.tokenHash == world.gateway.dataKey.keyedHash(first.secret))
        #expect(first.token.tokenHash != SHA256Digest.hex(Array(first.secret.utf8)))
        #expect(second.token.id > first.token.id)
    }

    @Test("a user has 100 tokens at most, other users' do not count, and a deleted one makes room")
    func cap() async throws {
        let world = try await World()
        let request = Request(name: "ci", scopes: Self.good)
        for _ in 0..<100 { #expect(try await world.refusal(request, as: world.member) == nil) }
        let text = "too many api tokens (max 100 per user); delete one first"
        #expect(try await world.refusal(request, as: world.member) == text)
        #expect(try await world.refusal(request, as: world.admin) == nil)
        let all = try await world.gateway.issuer.tokens(of: world.member.id)
        #expect(all.count == 100)
        try await world.gateway.issuer.revoke(
            id: all[50].id, by: try await world.gateway.session(of: world.admin))
        #expect(try await world.refusal(request, as: world.member) == nil)
        #expect(try await world.refusal(request, as: world.member) == text)
    }

    @Test("revoking: the owner their own, an administrator any, everything else answers not found")
    func revoking() async throws {
        let world = try await World()
        let gateway = world.gateway
        func issue() async throws -> Int64 {
            try await gateway.issuer.issue(Request(name: "ci", scopes: Self.good), for: UserIdentity(world.member))
                .token.id
        }
        let id = try await issue()
        let stranger = try await gateway.session(of: try await gateway.user("stranger"))
        for (who, which) in [(stranger, id), (stranger, 999), (Principal.guest, id)] {
            do {
                try await gateway.issuer.revoke(id: which, by: who)
                Issue.record("revoked")
            } catch ToolFailure.rejected(let text) {
                #expect(text == "not found")
            }
        }
        try await gateway.issuer.revoke(id: id, by: try await gateway.session(of: world.member))
        try await gateway.issuer.revoke(id: try await issue(), by: try await gateway.session(of: world.admin))
        #expect(try await gateway.issuer.tokens(of: nil).isEmpty)
    }

    @Test("at start, old scopes are rewritten, dangerous ones stripped, empty tokens deleted, others left alone")
    func migration() async throws {
        let world = try await World()
        let gateway = world.gateway
        func store(_ scopes: [String]) async throws -> Int64 {
            let principal = try await gateway.token(of: world.member, scopes.map { Scope($0) })
            return try #require(principal.token).id
        }
        let mixed = try await store([
            "mcp:server:exec", "nezha:cron:read", "mcp:fs:write", "mcp:fs:read", "mcp:server:read",
        ])
        let dangerous = try await store(["mcp:*", "mcp:fs:delete"])
        let modern = try await store(["nezha:server:read", "nezha:server:read"])
        let counts = try await gateway.issuer.migrateLegacyScopes()
        #expect(counts.rewritten == 1)
        #expect(counts.deleted == 1)
        let tokens = gateway.storage.tokens
        #expect(
            try await tokens.token(id: mixed)?.scopes == ["nezha:server:exec", "nezha:cron:read", "nezha:server:read"])
        #expect(try await tokens.token(id: dangerous) == nil)
        #expect(try await tokens.token(id: modern)?.scopes == ["nezha:server:read", "nezha:server:read"])
        let again = try await gateway.issuer.migrateLegacyScopes()
        #expect(again.rewritten == 0)
        #expect(again.deleted == 0)
    }

    @Test(
        "what a scope covers",
        arguments: [
            ("nezha:server:read", "nezha:server:read", true), ("nezha:server:*", "nezha:server:exec", true),
            ("nezha:*", "nezha:admin:*", true), ("nezha:server:read", "nezha:server:write", false),
            ("nezha:notification:*", "nezha:notification-group:read", false), ("mcp:*", "nezha:server:read", false),
            ("mcp:server:read", "nezha:server:read", false), ("*", "nezha:server:read", false),
            ("nezha:ser*", "nezha:server:read", false), ("nezha:", "nezha:server:read", false),
            ("", "nezha:server:read", false),
            ("nezha:*", "mcp:server:read", false), ("nezha:server:*", "nezha:server", false),
        ])
    func covers(owned: String, wanted: String, expected: Bool) {
        #expect(Scope(owned).covers(Scope(wanted)) == expected)
    }
}
