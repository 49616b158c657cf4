import Foundation
import HTTP
import Secrets
import Storage
import Synchronization
import Testing

@testable import MCPServer

@Suite("Identities in memory")
struct IdentityCacheTests {
    private static func record(_ gateway: TestGateway, index: Int64 = 0) -> ServerRecord {
        ServerRecord(
            userID: 0, uuid: SecureRandom.uuid(), name: "n", displayIndex: index, createdAt: gateway.now,
            updatedAt: gateway.now)
    }

    @Test("servers put in one by one stand in list order, as a whole reading would have them")
    func order() async throws {
        let gateway = try await TestGateway()
        for index in [0, 5, 0, -1, 5, 9, 0] as [Int64] {
            var server = Self.record(gateway, index: index)
            server.id = try await gateway.storage.servers.insert(server)
            gateway.identity.insert(server, at: try await gateway.storage.changes.revision())
        }
        let inserted = gateway.identity.servers.map(\.id)
        #expect(inserted.count == 7)
        try await gateway.identity.refresh()
        #expect(gateway.identity.servers.map(\.id) == inserted)
    }

    @Test("a reading that began before a server was put in does not take it away; a later one that lacks it does")
    func olderReading() async throws {
        let gateway = try await TestGateway()
        _ = try await gateway.user("somebody")
        var ghost = Self.record(gateway)
        ghost.id = 77
        let ahead = try await gateway.storage.changes.revision() + 2
        gateway.identity.insert(ghost, at: ahead)
        #expect(gateway.identity.server(uuid: ghost.uuid)?.id == 77)
        _ = try await gateway.user("second")
        #expect(gateway.identity.revision == ahead - 1)
        #expect(gateway.identity.server(id: 77) != nil)
        _ = try await gateway.user("third")
        #expect(gateway.identity.revision == ahead)
        #expect(gateway.identity.server(id: 77) == nil)
        #expect(gateway.identity.server(uuid: ghost.uuid) == nil)
    }

    @Test("what is known already is not put in again")
    func knownAlready() async throws {
        let gateway = try await TestGateway()
        let server = try await gateway.server(of: 0)
        gateway.identity.insert(server, at: gateway.identity.revision)
        gateway.identity.insert(server, at: gateway.identity.revision + 1)
        #expect(gateway.identity.servers.count == 1)
    }

    @Test("a user whom another process made a moment ago is found; a missing one costs one query after each change")
    func newUsers() async throws {
        let gateway = try await TestGateway()
        let source = CountedChanges(gateway.storage.changes)
        let storage = gateway.storage
        let identity = IdentityCache(
            storage: Storage(
                users: storage.users, servers: storage.servers,
                serverTransfers: storage.serverTransfers, tokens: storage.tokens, sessions: storage.sessions,
                audit: storage.audit, strikes: storage.strikes, changes: source,
                resources: storage.resources))
        try await identity.refresh()
        // By another cache: this one has not noticed.
        let user = try await gateway.user("newcomer")
        #expect(identity.user(id: user.id) == nil)
        #expect(try await identity.userMaybeNew(id: user.id)?.username == "newcomer")
        let queries = source.count
        for _ in 0..<1000 {
            #expect(try await identity.userMaybeNew(id: 4711) == nil)
            #expect(try await identity.userMaybeNew(id: user.id) != nil)
        }
        #expect(source.count == queries + 1)
        _ = try await gateway.user("another")
        try await identity.refresh()
        _ = try await identity.userMaybeNew(id: 4711)
        #expect(source.count == queries + 3)
    }

    private final class CountedChanges: ChangeSource {
        private let changes: any ChangeSource
        private let calls = Atomic<Int>(0)

        init(_ changes: any ChangeSource) { self.changes = changes }

        var count: Int { calls.load(ordering: .relaxed) }

        func revision() async throws -> Int64 {
            calls.wrappingAdd(1, ordering: .relaxed)
            return try await changes.revision()
        }
    }

    @Test("a token of a user whom another process made a moment ago is good at once")
    func newTokenOfNewUser() async throws {
        let gateway = try await TestGateway()
        let authenticator = TokenAuthenticator(
            identity: gateway.identity, tokens: gateway.storage.tokens, key: gateway.dataKey, strikes: gateway.strikes,
            now: { gateway.now })
        let user = try await gateway.accounts.createUser(username: "new", password: "correct horse", role: .member)
        let issued = try await gateway.issuer.issue(
            TokenIssuer.Request(name: "t", scopes: ["nezha:server:read"]), for: UserIdentity(user))
        #expect(gateway.identity.user(id: user.id) == nil, "the cache must not know yet, or this shows nothing")
        let outcome = await authenticator.authenticate(
            authorization: "Bearer \(issued.secret)", client: ClientAddress(peer: nil, real: nil))
        guard case .accepted(let principal) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(principal.user?.id == user.id)
    }

    @Test("users are found by the hash of their agent secret; an empty hash finds nobody")
    func agentSecrets() async throws {
        let gateway = try await TestGateway()
        let user = try await gateway.user("owner")
        #expect(gateway.identity.user(agentSecretHash: user.agentSecretHash)?.id == user.id)
        #expect(gateway.identity.user(agentSecretHash: "") == nil)
        _ = try await gateway.storage.users.delete(ids: [user.id])
        try await gateway.identity.refresh()
        #expect(gateway.identity.user(agentSecretHash: user.agentSecretHash) == nil)
    }

    @Test("a principal is nothing any more when its token or session has expired or belongs to somebody else")
    func reload() async throws {
        let gateway = try await TestGateway()
        let user = try await gateway.user("owner")
        let other = try await gateway.user("other")
        let token = try await gateway.token(of: user, expiresAt: gateway.now.addingTimeInterval(10))
        let session = try await gateway.session(of: user)
        let disguised = Principal(user: UserIdentity(other), credential: token.credential)
        #expect(try await gateway.identity.reload(token, now: gateway.now)?.user?.id == user.id)
        #expect(try await gateway.identity.reload(disguised, now: gateway.now) == nil)
        #expect(try await gateway.identity.reload(token, now: gateway.now + 10) != nil)
        #expect(try await gateway.identity.reload(token, now: gateway.now + 11) == nil)
        #expect(try await gateway.identity.reload(session, now: gateway.now + 3600) != nil)
        #expect(try await gateway.identity.reload(session, now: gateway.now + 3601) == nil)
    }
}
