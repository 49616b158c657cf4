import Foundation
import Secrets
import Storage
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
        #expect(gateway.identity.server(id: 77) == nil && gateway.identity.server(uuid: ghost.uuid) == nil)
    }

    @Test("what is known already is not put in again")
    func knownAlready() async throws {
        let gateway = try await TestGateway()
        let server = try await gateway.server(of: 0)
        gateway.identity.insert(server, at: gateway.identity.revision)
        gateway.identity.insert(server, at: gateway.identity.revision + 1)
        #expect(gateway.identity.servers.count == 1)
    }

    @Test("users are found by the hash of their agent secret; an empty hash finds nobody")
    func agentSecrets() async throws {
        let gateway = try await TestGateway()
        let user = try await gateway.user("owner")
        #expect(gateway.identity.user(agentSecretHash: user.agentSecretHash)?.id == user.id)
        #expect(gateway.identity.user(agentSecretHash: "") == nil)
        _ = try await gateway.storage.users.delete(id: user.id)
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
