import AgentLink
import Foundation
import HTTP
import JSON
import Secrets
import Storage
import TestSupport
import Testing

@testable import MCPServer

@Suite("Hand-overs of servers", .timeLimit(.minutes(5)))
struct OwnershipTests {
    /// An administrator whose server goes to a member.
    struct Scene: Sendable {
        let gateway: TestGateway
        let from: UserRecord
        let to: UserRecord
        let admin: Principal
        let server: ServerRecord
        let admission: AgentAdmission

        var ownership: OwnershipTransfers { gateway.services.ownership }

        func admit(_ secret: String, uuid: String? = nil) async -> Result<Int64, AgentRefusal> {
            do throws(AgentRefusal) {
                let identity = try await admission.admit(
                    secret: secret, uuid: uuid ?? server.uuid, peer: AgentPeer(address: "203.0.113.9"))
                return .success(identity.serverID)
            } catch {
                return .failure(error)
            }
        }

        func move(to user: Int64? = nil) async throws -> JSONValue {
            let answer = await gateway.call(
                "server.move", ["ids": [.integer(server.id)], "to_user": .integer(user ?? to.id)], as: admin)
            return try #require(try answer.get().arrayValue?.first)
        }

        /// The secret of the last task that was sent.
        func sentSecret() throws -> String {
            let task = try #require(gateway.network.sent.last)
            #expect(task.type == .serverTransferApply)
            #expect(task.server == server.id)
            return try #require(try JSONParser.parse(task.body)["client_secret"]?.stringValue)
        }

        var owner: Int64? { gateway.identity.server(id: server.id)?.userID }

        func transfer(_ id: Int64) async throws -> ServerTransferRecord {
            try #require(try await gateway.storage.serverTransfers.transfer(id: id))
        }
    }

    static func running(_ body: @Sendable (Scene) async throws -> Void) async throws {
        try await TestGateway.running { gateway in
            let from = try await gateway.user("root", role: .administrator)
            let to = try await gateway.user("member")
            let server = try await gateway.server(of: from.id)
            let admission = AgentAdmission(
                storage: gateway.storage, identity: gateway.identity, strikes: gateway.strikes,
                settings: gateway.settings, dataKey: gateway.dataKey, globalSecret: "the global secret of the tests",
                ownership: gateway.services.ownership, logger: gateway.log.logger, now: { gateway.now })
            let scene = Scene(
                gateway: gateway, from: from, to: to, admin: try await gateway.session(of: from), server: server,
                admission: admission)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await scene.ownership.run() }
                try await body(scene)
                group.cancelAll()
            }
        }
    }

    @Test("the owner changes at once; the agent gets a secret, and coming with it finishes the hand-over")
    func handedOver() async throws {
        try await Self.running { scene in
            scene.gateway.network.attach(scene.server.id, json: "{}")
            let old = try scene.gateway.accounts.agentSecret(of: scene.from)
            let answer = try await scene.move()
            #expect(answer["status"] == "pending")
            let id = try #require(answer["transfer_id"]?.int64Value)
            #expect(scene.owner == scene.to.id)
            #expect(scene.gateway.network.disconnected.contains { $0 == (scene.server.id, false) })
            #expect(await eventually { scene.gateway.network.sent.count == 1 })
            let secret = try scene.sentSecret()
            #expect(secret.utf8.count == 32)
            // Until then the agent comes with what it has, and nobody else does.
            #expect(await scene.admit(old) == .success(scene.server.id))
            let new = try scene.gateway.accounts.agentSecret(of: scene.to)
            guard case .failure(.unauthenticated) = await scene.admit(new) else {
                Issue.record("the new owner's secret is not the agent's yet")
                return
            }
            guard case .failure(.unauthenticated) = await scene.admit(secret, uuid: SecureRandom.uuid()) else {
                Issue.record("the secret is for one agent")
                return
            }
            #expect(await scene.admit(secret) == .success(scene.server.id))
            let row = try await scene.transfer(id)
            #expect(row.status == .verified)
            #expect(row.ackedAt == scene.gateway.now)
            guard case .failure(.foreignServer) = await scene.admit(old) else {
                Issue.record("the former owner's secret is dead")
                return
            }
            #expect(await scene.admit(secret) == .success(scene.server.id))
            #expect(await scene.admit(new) == .success(scene.server.id))
        }
    }

    @Test("an agent that refuses has its server given back; its words are kept")
    func refused() async throws {
        try await Self.running { scene in
            scene.gateway.network.attach(scene.server.id, json: "{}")
            let id = try #require(try await scene.move()["transfer_id"]?.int64Value)
            #expect(await eventually { scene.gateway.network.sent.count == 1 })
            let forward = try scene.sentSecret()
            let no = AgentTaskReply(data: "no TLS here", successful: false)
            // Another server's word, another id, and a yes change nothing.
            scene.ownership.result(server: 99, type: .serverTransferApply, id: UInt64(id), reply: no)
            scene.ownership.result(server: scene.server.id, type: .serverTransferApply, id: 77, reply: no)
            scene.ownership.result(
                server: scene.server.id, type: .serverTransferApply, id: UInt64(id),
                reply: AgentTaskReply(data: "", successful: true))
            scene.ownership.result(server: scene.server.id, type: .serverTransferApply, id: UInt64(id), reply: no)
            #expect(await eventually { scene.owner == scene.from.id })
            let row = try await scene.transfer(id)
            #expect(row.status == .failed)
            #expect(row.lastError == "no TLS here")
            // It is sent back, should it have taken the secret all the same.
            #expect(await eventually { scene.gateway.network.sent.count == 2 })
            let back = try scene.sentSecret()
            #expect(back != forward)
            #expect(await scene.admit(forward) == .success(scene.server.id))
            #expect(try await scene.transfer(id).status == .failed, "no promotion")
            #expect(await scene.admit(back) == .success(scene.server.id))
            #expect(try await scene.transfer(id).ackedAt != nil)
            guard case .failure = await scene.admit(forward) else {
                Issue.record("the way back is closed")
                return
            }
        }
    }

    @Test("an agent that was away is told when it attaches, each time until it has come")
    func away() async throws {
        try await Self.running { scene in
            _ = try await scene.move()
            try await Task.sleep(for: .milliseconds(50))
            #expect(scene.gateway.network.sent.isEmpty)
            scene.gateway.network.attach(scene.server.id, json: "{}")
            scene.ownership.attached(server: scene.server.id, epoch: 1)
            #expect(await eventually { scene.gateway.network.sent.count == 1 })
            scene.ownership.attached(server: scene.server.id, epoch: 2)
            #expect(await eventually { scene.gateway.network.sent.count == 2 })
            #expect(await scene.admit(try scene.sentSecret()) == .success(scene.server.id))
            scene.ownership.attached(server: scene.server.id, epoch: 3)
            try await Task.sleep(for: .milliseconds(50))
            #expect(scene.gateway.network.sent.count == 2)
        }
    }

    @Test("agents before 1.18.0 are not asked, also when they tell their version later")
    func tooOld() async throws {
        try await Self.running { scene in
            let old = AgentPresence(host: HostInfo(version: "v1.17.9"))
            scene.gateway.network.attach(scene.server.id, presence: old) { _, _ in throw AgentCallError.timeout }
            let answer = try await scene.move()
            #expect(answer["status"] == "agent_too_old")
            #expect(answer["error"] == .string(OwnershipTransfers.tooOld))
            #expect(scene.owner == scene.from.id)
            scene.gateway.network.report(scene.server.id, AgentPresence(host: HostInfo(version: "1.18.0")))
            #expect(try await scene.move()["status"] == "pending")
        }
    }

    @Test("after a day the server is given back")
    func timeout() async throws {
        try await Self.running { scene in
            let id = try #require(try await scene.move()["transfer_id"]?.int64Value)
            scene.gateway.advance(86_399)
            await scene.ownership.expire()
            #expect(try await scene.transfer(id).status == .pending)
            scene.gateway.advance(1)
            await scene.ownership.expire()
            let row = try await scene.transfer(id)
            #expect(row.status == .timeout)
            #expect(row.lastError.isEmpty)
            #expect(scene.owner == scene.from.id)
        }
    }

    @Test("a restart loses nothing")
    func restart() async throws {
        try await Self.running { scene in
            scene.gateway.network.attach(scene.server.id, json: "{}")
            let id = try #require(try await scene.move()["transfer_id"]?.int64Value)
            #expect(await eventually { scene.gateway.network.sent.count == 1 })
            let secret = try scene.sentSecret()
            let after = OwnershipTransfers(
                storage: scene.gateway.storage, identity: scene.gateway.identity, network: scene.gateway.network,
                dataKey: scene.gateway.dataKey, logger: scene.gateway.log.logger, now: { scene.gateway.now })
            try await after.load()
            let hash = scene.gateway.dataKey.keyedHash(secret)
            #expect(
                after.asking { $0.meaning(ofHash: hash, at: scene.gateway.now) }
                    == .proof(transfer: id, server: scene.server.id))
            #expect(try await after.verify(transfer: id, server: scene.server.id))
            // The other one learns at the next proof that it is late.
            #expect(try await scene.ownership.verify(transfer: id, server: scene.server.id) == false)
        }
    }

    @Test("Deleted while in use: a server or user that goes cancels its hand-over, and watchers are told")
    func deleted() async throws {
        try await Self.running { scene in
            let id = try #require(try await scene.move()["transfer_id"]?.int64Value)
            let changes = scene.ownership.feed.changes()
            _ = try await scene.gateway.call("server.delete", ["ids": [.integer(scene.server.id)]], as: scene.admin)
                .get()
            #expect(try await scene.transfer(id).status == .cancelled)
            var next = changes.makeAsyncIterator()
            let told = await next.next()
            #expect(told?.id == id)
            #expect(told?.lastError == "server deleted")
            #expect(scene.ownership.asking { $0.pendingTransfers.isEmpty })
            #expect(scene.gateway.network.disconnected.contains { $0 == (scene.server.id, true) })
        }
    }

    @Test("Secrets in answers: no answer, log or row holds one in clear")
    func secrets() async throws {
        try await Self.running { scene in
            scene.gateway.network.attach(scene.server.id, json: "{}")
            let id = try #require(try await scene.move()["transfer_id"]?.int64Value)
            #expect(await eventually { scene.gateway.network.sent.count == 1 })
            let secret = try scene.sentSecret()
            let list = try await scene.gateway.call("transfer.list", [:], as: scene.admin).get()
            #expect(!list.text.utf8.contains(secret.utf8))
            let row = try await scene.transfer(id)
            #expect(!row.forward.sealed.contains(Array(secret.utf8)))
            #expect(!row.forward.hash.utf8.elementsEqual(secret.utf8))
        }
    }

    // MARK: Tools

    @Test("who may cancel and retry: administrators, and the former owner what is theirs")
    func rights() async throws {
        try await Self.running { scene in
            let gateway = scene.gateway
            let member = try await gateway.session(of: scene.to)
            let id = try #require(try await scene.move()["transfer_id"]?.int64Value)
            let arguments: JSONValue = ["id": .integer(id)]
            func message(_ tool: String, _ arguments: JSONValue, _ principal: Principal) async -> String? {
                await gateway.call(tool, arguments, as: principal).failure?.message
            }
            #expect(await message("transfer.cancel", arguments, member) == "permission denied")
            #expect(await message("transfer.cancel", ["id": 999], scene.admin) == "permission denied")
            #expect(await message("transfer.retry", arguments, member) == "permission denied")
            #expect(await message("transfer.retry", ["id": 999], scene.admin) == "database error")
            #expect(
                await message("transfer.retry", arguments, scene.admin)
                    == "cannot retry a non-terminal transfer (status=0)")
            let outside = try await gateway.token(of: scene.from, servers: [scene.server.id + 1])
            #expect(await message("transfer.cancel", arguments, outside) == "permission denied")
            #expect(try await gateway.call("transfer.list", [:], as: outside).get() == [])
            let cancelled = try await gateway.call("transfer.cancel", arguments, as: scene.admin).get()
            #expect(cancelled["status"] == 4)
            #expect(try await gateway.call("transfer.cancel", arguments, as: scene.admin).get() == cancelled)
            #expect(scene.owner == scene.from.id)
            let again = try await gateway.call("transfer.retry", arguments, as: scene.admin).get()
            #expect(again["status"] == 0)
            #expect(again["id"]?.int64Value != id)
            #expect(
                await message("transfer.retry", arguments, scene.admin)
                    == "server already belongs to the target user")
        }
    }

    @Test("a move says of each server what became of it, and whose id nobody may ask about is not found")
    func moveStatuses() async throws {
        try await Self.running { scene in
            let gateway = scene.gateway
            let third = try await gateway.user("third")
            #expect(try await scene.move()["status"] == "pending")
            #expect(try await scene.move()["status"] == "same_owner")
            #expect(try await scene.move(to: third.id)["status"] == "already_transferring")
            let member = try await gateway.session(of: third)
            let foreign = try await gateway.call(
                "server.move", ["ids": [.integer(scene.server.id), 999], "to_user": .integer(third.id)], as: member
            ).get()
            let found = try #require(foreign.arrayValue)
            #expect(found.map { $0["status"] } == ["server_not_found", "server_not_found"])
            let texts: [(JSONValue, String)] = [
                (["ids": [1]], "user id is required"), (["ids": [1], "to_user": 0], "user id is required"),
                (["ids": [1], "to_user": 999], "user id 999 does not exist"),
            ]
            for (arguments, text) in texts {
                #expect(await gateway.call("server.move", arguments, as: scene.admin).failure?.message == text)
            }
            let other: JSONValue = ["ids": [1], "to_user": .integer(scene.to.id)]
            #expect(await gateway.call("server.move", other, as: member).failure?.message == "permission denied")
        }
    }

    @Test("a watcher is told what they may see, from the start on")
    func watch() async throws {
        try await Self.running { scene in
            let gateway = scene.gateway
            let third = try await gateway.user("third")
            let (own, foreign) = (FakeSocket(), FakeSocket())
            func watch(_ user: UserRecord, _ socket: FakeSocket) async throws -> Task<Void, Never> {
                var call = ToolCall(
                    principal: try await gateway.session(of: user), origin: .rest, requestID: "r",
                    client: ClientAddress(peer: nil, real: nil))
                call.socket = socket.offer
                return Task { [call] in _ = await gateway.registry.invoke("transfer.watch", arguments: [:], call: call)
                }
            }
            let tasks = [try await watch(scene.to, own), try await watch(third, foreign)]
            #expect(await eventually { own.accepted.count == 1 && foreign.accepted.count == 1 })
            let id = try #require(try await scene.move()["transfer_id"]?.int64Value)
            guard case .text(let first)? = await own.hear() else {
                Issue.record("a text message")
                return
            }
            #expect(try JSONParser.parse(first)["id"]?.int64Value == id)
            _ = try await gateway.call("transfer.cancel", ["id": .integer(id)], as: scene.admin).get()
            guard case .text(let second)? = await own.hear() else {
                Issue.record("a text message")
                return
            }
            #expect(try JSONParser.parse(second)["status"] == 4)
            foreign.close()
            own.close()
            for task in tasks { await task.value }
            #expect(scene.ownership.feed.watcherCount == 0)
            #expect(foreign.heardCount == 0)
        }
    }
}
