import AgentLink
import Foundation
import Secrets
import Settings
import Storage
import TestSupport
import Testing

@testable import MCPServer

@Suite("Agents: who may speak for which server")
struct IdentityAgentAdmissionTests {
    private static let globalSecret = "the global secret of the tests"
    private static let ip = "203.0.113.50"

    private static func admission(_ gateway: TestGateway, global: String = globalSecret) -> AgentAdmission {
        AgentAdmission(
            storage: gateway.storage, identity: gateway.identity, strikes: gateway.strikes,
            settings: gateway.settings, dataKey: gateway.dataKey, globalSecret: global, logger: gateway.log.logger,
            now: { gateway.now })
    }

    private static func peer(_ address: String? = ip, _ metadata: [String: String] = [:]) -> AgentPeer {
        AgentPeer(address: address, metadata: metadata)
    }

    private static func refusal(
        _ admission: AgentAdmission, _ secret: String, _ uuid: String, _ peer: AgentPeer = peer()
    ) async -> AgentRefusal? {
        do throws(AgentRefusal) {
            _ = try await admission.admit(secret: secret, uuid: uuid, peer: peer)
            return nil
        } catch {
            return error
        }
    }

    @Test("an unknown UUID is registered for the secret's owner, with a name of two words, visible at once")
    func registration() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let admission = Self.admission(gateway)
        let uuid = SecureRandom.uuid().uppercased()
        let revision = gateway.identity.revision
        let agent = try await admission.admit(
            secret: try gateway.accounts.agentSecret(of: owner), uuid: uuid, peer: Self.peer())
        #expect(agent.realIP == Self.ip)
        let server = try #require(gateway.identity.server(id: agent.serverID))
        #expect(server.userID == owner.id)
        #expect(server.uuid == uuid)
        #expect(server.name.split(separator: " ").count == 2)
        #expect(gateway.identity.server(uuid: uuid) == server)
        #expect(gateway.identity.servers == [server])
        // Nothing was read anew for it.
        #expect(gateway.identity.revision == revision)
        try await gateway.identity.refresh()
        #expect(gateway.identity.servers.map(\.id) == [server.id])

        let again = try await admission.admit(
            secret: try gateway.accounts.agentSecret(of: owner), uuid: uuid, peer: Self.peer())
        #expect(again.serverID == server.id)
        #expect(try await gateway.storage.servers.servers().count == 1)
    }

    @Test("many calls of the same new agent at once make one server")
    func concurrentRegistration() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let admission = Self.admission(gateway)
        let secret = try gateway.accounts.agentSecret(of: owner)
        let uuid = SecureRandom.uuid()
        let ids = try await withThrowingTaskGroup(of: Int64.self) { group in
            for _ in 0..<16 {
                group.addTask { try await admission.admit(secret: secret, uuid: uuid, peer: Self.peer()).serverID }
            }
            return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
        }
        #expect(ids.count == 1)
        #expect(gateway.identity.servers.count == 1)
    }

    @Test(
        "Agent identity take-over: a UUID with another owner's secret is refused, without a strike, naming both owners")
    func takeOver() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let thief = try await gateway.user("thief")
        let server = try await gateway.server(of: owner.id)
        let nobodys = try await gateway.server(of: 0)
        let admission = Self.admission(gateway)
        let secret = try gateway.accounts.agentSecret(of: thief)
        for taken in [server, nobodys] {
            let expected = AgentRefusal.foreignServer(
                server: taken.id, owner: taken.id == server.id ? owner.id : 0, secretOwner: thief.id)
            #expect(await Self.refusal(admission, secret, taken.uuid) == expected)
        }
        #expect(try await gateway.storage.servers.server(uuid: server.uuid)?.userID == owner.id)
        #expect(!gateway.strikes.isBlocked(ip: Self.ip))
        #expect(!gateway.log.lines.contains { $0.contains(secret) })
    }

    @Test("the global secret speaks for every server, and registers for nobody; an empty one is no secret")
    func globalSecret() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let server = try await gateway.server(of: owner.id)
        let admission = Self.admission(gateway)
        let known = try await admission.admit(secret: Self.globalSecret, uuid: server.uuid, peer: Self.peer())
        #expect(known.serverID == server.id)
        let new = try await admission.admit(secret: Self.globalSecret, uuid: SecureRandom.uuid(), peer: Self.peer())
        #expect(gateway.identity.server(id: new.serverID)?.userID == 0)

        let without = Self.admission(gateway, global: "")
        #expect(await Self.refusal(without, "", server.uuid) == .unauthenticated("client secret required"))
        #expect(await Self.refusal(without, Self.globalSecret, server.uuid) != nil)
    }

    @Test("what is refused, and what of it counts as a strike")
    func refusals() async throws {
        let good = "01234567-89ab-CDEF-0123-456789abcdef"
        let table: [(secret: String?, uuid: String, text: String, strikes: Bool)] = [
            ("", good, "client secret required", false), ("wrong", good, "client secret is not valid", true),
            (nil, "", "client uuid is not valid", true), (nil, "not a uuid", "client uuid is not valid", true),
            (nil, good.replacing("-", with: ""), "client uuid is not valid", true),
            (nil, "{\(good.dropFirst().dropLast())}", "client uuid is not valid", true),
            (nil, "0123456g-89ab-cdef-0123-456789abcdef", "client uuid is not valid", true),
            (nil, "01234567-89ab-cdef-0123-456789abcde\u{0}", "client uuid is not valid", true),
        ]
        for (secret, uuid, text, strikes) in table {
            let gateway = try await TestGateway()
            let owner = try await gateway.user("owner")
            let secret = try secret ?? gateway.accounts.agentSecret(of: owner)
            #expect(await Self.refusal(Self.admission(gateway), secret, uuid) == .unauthenticated(text), "\(uuid)")
            #expect(gateway.strikes.isBlocked(ip: Self.ip) == strikes, "\(uuid)")
            #expect(gateway.identity.servers.isEmpty)
        }
    }

    @Test("a blocked address is refused before anything else; a known secret clears its strikes")
    func blocking() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let admission = Self.admission(gateway)
        let secret = try gateway.accounts.agentSecret(of: owner)
        let uuid = SecureRandom.uuid()
        _ = await Self.refusal(admission, "wrong", uuid)
        #expect(await Self.refusal(admission, secret, uuid) == .blocked)
        #expect(await Self.refusal(admission, secret, uuid, Self.peer("203.0.113.51")) == nil)
        gateway.advance(4)
        #expect(await Self.refusal(admission, secret, uuid) == nil)
        // Forgotten: the next failure counts as the first.
        _ = await Self.refusal(admission, "wrong", uuid)
        gateway.advance(4)
        #expect(!gateway.strikes.isBlocked(ip: Self.ip))
    }

    @Test("an address that is not known is never struck, so that no one locks out all behind a proxy")
    func unknownAddress() async throws {
        let gateway = try await TestGateway()
        let admission = Self.admission(gateway)
        for address in ["127.0.0.1", "10.1.2.3", "::1", nil] {
            for _ in 0..<3 {
                #expect(await Self.refusal(admission, "wrong", SecureRandom.uuid(), Self.peer(address)) != .blocked)
            }
        }
    }

    @Test("a configured real-IP header counts; without it the call is refused")
    func realIPHeader() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let admission = Self.admission(gateway)
        let secret = try gateway.accounts.agentSecret(of: owner)
        let uuid = SecureRandom.uuid()
        gateway.settings.set { $0.agentRealIPHeader = "X-Real-IP" }
        let behind = Self.peer("10.0.0.1", ["x-real-ip": "198.51.100.1, 198.51.100.2"])
        #expect(try await admission.admit(secret: secret, uuid: uuid, peer: behind).realIP == "198.51.100.2")
        for metadata in [[:], ["x-real-ip": "nonsense"], ["x-real-ip": ""]] {
            let refusal = await Self.refusal(admission, secret, uuid, Self.peer("10.0.0.1", metadata))
            #expect(refusal == .unauthenticated("real ip header not found"))
        }
        gateway.settings.set { $0.agentRealIPHeader = RealAddress.usePeer }
        #expect(try await admission.admit(secret: secret, uuid: uuid, peer: Self.peer("10.0.0.1")).realIP == "10.0.0.1")
    }

    @Test("a user and a server that another process has just made are known before the next reading")
    func madeElsewhere() async throws {
        let gateway = try await TestGateway()
        let admission = Self.admission(gateway)
        let user = try await gateway.accounts.createUser(username: "late", password: "long enough", role: .member)
        let uuid = SecureRandom.uuid()
        let id = try await gateway.storage.servers.insert(
            ServerRecord(userID: user.id, uuid: uuid, name: "late", createdAt: gateway.now, updatedAt: gateway.now))
        let secret = try gateway.accounts.agentSecret(of: user)
        #expect(try await admission.admit(secret: secret, uuid: uuid, peer: Self.peer()).serverID == id)
        #expect(gateway.identity.server(id: id)?.name == "late")
    }

    @Test("a closed database makes agents come back later, not fail for good")
    func storageFails() async throws {
        struct Failing: ServerRepositoryStub {}
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let broken = AgentAdmission(
            storage: gateway.storage.replacing(servers: Failing()), identity: gateway.identity,
            strikes: gateway.strikes, settings: gateway.settings, dataKey: gateway.dataKey,
            globalSecret: Self.globalSecret, logger: gateway.log.logger)
        let secret = try gateway.accounts.agentSecret(of: owner)
        #expect(await Self.refusal(broken, secret, SecureRandom.uuid()) == .unavailable)
    }

    @Test("an owner's agents register as many servers as the setting allows, and known ones go on beyond it")
    func cap() async throws {
        let gateway = try await TestGateway()
        gateway.settings.set { $0.maxServersPerUser = 3 }
        let owner = try await gateway.user("owner")
        let secret = try gateway.accounts.agentSecret(of: owner)
        let admission = Self.admission(gateway)
        let uuids = (0..<4).map { _ in SecureRandom.uuid() }
        for uuid in uuids.prefix(3) { #expect(await Self.refusal(admission, secret, uuid) == nil) }
        guard case .tooManyServers(let text) = await Self.refusal(admission, secret, uuids[3]) else {
            Issue.record("not refused")
            return
        }
        #expect(text.contains("max_servers_per_user"))
        #expect(await Self.refusal(admission, secret, uuids[0]) == nil)
        // Others have their own.
        #expect(await Self.refusal(admission, Self.globalSecret, uuids[3]) == nil)
        #expect(try await gateway.storage.servers.servers().count == 4)
    }

    @Test("agents that come at once do not pass the limit together")
    func capAtOnce() async throws {
        let gateway = try await TestGateway()
        gateway.settings.set { $0.maxServersPerUser = 5 }
        let secret = try gateway.accounts.agentSecret(of: try await gateway.user("owner"))
        let admission = Self.admission(gateway)
        let admitted = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<40 { group.addTask { await Self.refusal(admission, secret, SecureRandom.uuid()) == nil } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(admitted == 5)
        #expect(try await gateway.storage.servers.servers().count == 5)
        // Places of those that were refused, and of those that came, are free.
        gateway.settings.set { $0.maxServersPerUser = 6 }
        #expect(await Self.refusal(admission, secret, SecureRandom.uuid()) == nil)
        #expect(await Self.refusal(admission, secret, SecureRandom.uuid()) != nil)
    }

    @Test("new servers come at a rate: twelve thousand at once, then fifty a second")
    func rate() {
        let budget = RegistrationBudget()
        let date = Date(timeIntervalSince1970: 0)
        let first = (0..<12_001).map { _ in budget.take(for: 1, at: date) }
        #expect(first.count(where: { $0 }) == 12_000)
        #expect(first.last == false)
        #expect(budget.take(for: 2, at: date))
        let later = (0..<51).map { _ in budget.take(for: 1, at: date.addingTimeInterval(1)) }
        #expect(later.count(where: { $0 }) == 50)
    }
}

/// Servers of a database that does not answer.
private protocol ServerRepositoryStub: ServerRepository {}

extension ServerRepositoryStub {
    private var failure: StorageError { .failed("closed") }
    func insert(_ server: ServerRecord) async throws -> Int64 { throw failure }
    func update(_ server: ServerRecord) async throws { throw failure }
    func server(uuid: String) async throws -> ServerRecord? { throw failure }
    func servers() async throws -> [ServerRecord] { throw failure }
    func delete(ids: [Int64]) async throws { throw failure }
}

extension Storage {
    fileprivate func replacing(servers: any ServerRepository) -> Storage {
        Storage(
            users: users, servers: servers, serverTransfers: serverTransfers, tokens: tokens, sessions: sessions,
            audit: audit, strikes: strikes,
            changes: changes, resources: UnusedResources())
    }
}
