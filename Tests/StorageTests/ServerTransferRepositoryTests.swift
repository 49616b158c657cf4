import Foundation
import Testing

@testable import Storage

@Suite("Storage: hand-overs of servers")
struct ServerTransferRepositoryTests {
    private let date = Date(timeIntervalSince1970: 1_800_000_000)

    private struct World {
        var handle: SQLiteHandle
        var storage: Storage { handle.storage }
        var from: Int64
        var to: Int64
        var server: Int64
    }

    private func world(_ scratch: Scratch) async throws -> World {
        let handle = try scratch.open()
        let users = try await ["from", "to"].asyncMap { name in
            try await handle.storage.users.insert(
                UserRecord(
                    username: name, passwordHash: "x", role: .member, agentSecretHash: name,
                    agentSecretSealed: [], createdAt: date, updatedAt: date))
        }
        let server = try await handle.storage.servers.insert(
            ServerRecord(userID: users[0], uuid: "u", name: "web", createdAt: date, updatedAt: date))
        return World(handle: handle, from: users[0], to: users[1], server: server)
    }

    private func row(_ world: World, forward: String = "f", revert: String = "r") -> ServerTransferRecord {
        transfer(of: world.server, from: world.from, to: world.to, forward: forward, revert: revert, at: date)
    }

    @Test("a start gives the server away, a revert gives it back, each at once with its row")
    func startAndRevert() async throws {
        let scratch = try Scratch()
        let world = try await world(scratch)
        defer { world.handle.close() }
        let transfers = world.storage.serverTransfers
        let id = try await transfers.start(row(world))
        #expect(try await world.storage.servers.server(id: world.server)?.userID == world.to)
        let stored = try #require(try await transfers.transfer(id: id))
        var expected = row(world)
        expected.id = id
        #expect(stored == expected)

        let later = date.addingTimeInterval(5)
        let settled = try await transfers.revert(id: id, to: .failed, error: "no", at: later)
        #expect(settled?.status == .failed)
        #expect(settled?.lastError == "no")
        #expect(settled?.updatedAt == later)
        #expect(try await world.storage.servers.server(id: world.server)?.userID == world.from)
        // Settled rows never change again.
        #expect(try await transfers.revert(id: id, to: .cancelled, error: "", at: later) == nil)
        #expect(try await transfers.verify(id: id, at: later) == nil)
    }

    @Test("of many that start one wins, and nothing is left of the others")
    func oneWinner() async throws {
        let scratch = try Scratch()
        let world = try await world(scratch)
        defer { world.handle.close() }
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<32 {
                group.addTask {
                    let row = self.row(world, forward: "f\(number)", revert: "r\(number)")
                    return (try? await world.storage.serverTransfers.start(row)) != nil
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(outcomes == 1)
        #expect(try await world.storage.serverTransfers.transfers(of: nil).count == 1)
    }

    @Test("a server that is somebody else's by now, and an owner who is gone, start nothing")
    func startRefused() async throws {
        let scratch = try Scratch()
        let world = try await world(scratch)
        defer { world.handle.close() }
        var wrong = row(world)
        wrong.fromUserID = world.to
        await #expect(throws: StorageError.notFound) { try await world.storage.serverTransfers.start(wrong) }
        wrong = row(world)
        wrong.toUserID = 99
        await #expect(throws: StorageError.notFound) { try await world.storage.serverTransfers.start(wrong) }
        wrong = row(world)
        wrong.serverID = 55
        await #expect(throws: StorageError.notFound) { try await world.storage.serverTransfers.start(wrong) }
        #expect(try await world.storage.serverTransfers.transfers(of: nil).isEmpty)
        #expect(try await world.storage.servers.server(id: world.server)?.userID == world.from)
    }

    @Test("verified rows have the moment, and the way back is acknowledged once")
    func acknowledged() async throws {
        let scratch = try Scratch()
        let world = try await world(scratch)
        defer { world.handle.close() }
        let transfers = world.storage.serverTransfers
        let later = date.addingTimeInterval(9)
        let verified = try await transfers.verify(id: try await transfers.start(row(world)), at: later)
        #expect(verified?.status == .verified)
        #expect(verified?.ackedAt == later)
        #expect(try await transfers.acknowledge(id: verified?.id ?? 0, at: later) == false)

        var back = row(world, forward: "f2", revert: "r2")
        (back.fromUserID, back.toUserID) = (world.to, world.from)
        let id = try await transfers.start(back)
        #expect(try await transfers.acknowledge(id: id, at: later) == false, "pending")
        _ = try await transfers.revert(id: id, to: .timeout, error: "", at: later)
        #expect(try await transfers.acknowledge(id: id, at: later))
        #expect(try await transfers.acknowledge(id: id, at: later) == false)
        #expect(try await transfers.transfer(id: id)?.updatedAt == later)
    }

    @Test("whoever has to do with a transfer has it listed, newest first")
    func lists() async throws {
        let scratch = try Scratch()
        let world = try await world(scratch)
        defer { world.handle.close() }
        let transfers = world.storage.serverTransfers
        let first = try await transfers.start(row(world))
        _ = try await transfers.revert(id: first, to: .cancelled, error: "", at: date)
        let second = try await transfers.start(row(world))
        #expect(try await transfers.transfers(of: nil).map(\.id) == [second, first])
        #expect(try await transfers.transfers(of: world.to).map(\.id) == [second, first])
        #expect(try await transfers.transfers(of: 77).isEmpty)
    }

    @Test("what counts at a start: pending, acknowledged, and fresh ways back")
    func effective() async throws {
        let scratch = try Scratch()
        let world = try await world(scratch)
        defer { world.handle.close() }
        let transfers = world.storage.serverTransfers
        let old = try await transfers.start(row(world))
        _ = try await transfers.revert(id: old, to: .failed, error: "", at: date)
        let fresh = try await transfers.start(row(world))
        _ = try await transfers.revert(id: fresh, to: .failed, error: "", at: date.addingTimeInterval(100))
        let pending = try await transfers.start(row(world))
        #expect(try await transfers.effective(since: date.addingTimeInterval(50)).map(\.id) == [fresh, pending])
        #expect(try await transfers.effective(since: date).map(\.id) == [old, fresh, pending])
    }

    @Test("a server or a user that is deleted cancels what is pending of theirs, whoever deletes")
    func deleted() async throws {
        for (deletesServer, text) in [(true, "server deleted"), (false, "user deleted")] {
            let scratch = try Scratch()
            let world = try await world(scratch)
            defer { world.handle.close() }
            let id = try await world.storage.serverTransfers.start(row(world))
            if deletesServer {
                try await world.storage.servers.delete(ids: [world.server])
            } else {
                _ = try await world.storage.users.delete(ids: [world.from])
            }
            let settled = try await world.storage.serverTransfers.transfer(id: id)
            #expect(settled?.status == .cancelled)
            #expect(settled?.lastError == text)
            #expect(abs(settled?.updatedAt.timeIntervalSinceNow ?? .infinity) < 60)
        }
    }
}

extension Array where Element: Sendable {
    fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}
