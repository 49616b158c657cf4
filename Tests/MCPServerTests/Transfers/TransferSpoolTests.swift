import Foundation
import Secrets
import TestSupport
import Testing

@testable import MCPServer

@Suite("The spool of downloads")
struct TransferSpoolTests {
    private let directory = FileManager.default.temporaryDirectory.path

    private func spool(_ space: SpoolSpace? = nil) async throws -> FileSpool {
        let space = space ?? SpoolSpace(directory: directory, spare: 0) { _ in Int.max }
        return try await FileSpool.make(in: directory, reservation: try #require(await space.reserve(1 << 20)))
    }

    @Test("what was appended is read again, in any piece, and has the right digest")
    func roundTrip() async throws {
        let spool = try await spool()
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        for start in stride(from: 0, to: bytes.count, by: 33_333) {
            try await spool.append([bytes[start..<min(start + 33_333, bytes.count)]])
        }
        #expect(try await spool.digest() == SHA256Digest.hash(bytes))
        #expect(try await spool.read(at: 0, count: 1 << 20) == bytes)
        #expect(try await spool.read(at: 99_999, count: 10) == [bytes[99_999]])
        #expect(try await spool.read(at: 100_000, count: 10).isEmpty)
        spool.close()
    }

    @Test("after close every operation fails, and closing again is harmless")
    func closed() async throws {
        let spool = try await spool()
        try await spool.append([[1, 2], [3]])
        spool.close()
        spool.close()
        // Operations queue behind the close.
        _ = await TransferWorld.eventually { true }
        try await Task.sleep(for: .milliseconds(50))
        await #expect(throws: FileSpool.Failure.closed) { try await spool.append([[4]]) }
        await #expect(throws: FileSpool.Failure.closed) { try await spool.read(at: 0, count: 1) }
        await #expect(throws: FileSpool.Failure.closed) { try await spool.digest() }
    }

    @Test("promised room comes back: by size, by writing, by closing and by forgetting")
    func reservations() async throws {
        let space = SpoolSpace(directory: "/", spare: 10) { _ in 110 }
        do {
            let first = try #require(await space.reserve(100))
            #expect(await space.reserve(1) == nil)
            first.shrink(to: 60)
            #expect(space.outstanding == 60)
            first.shrink(to: 80)
            #expect(space.outstanding == 60)
            first.spend(20)
            #expect(space.outstanding == 40)
            first.spend(1000)
            #expect(space.outstanding == 0)
            first.release()
            #expect(space.outstanding == 0)
        }
        do {
            let dropped = await space.reserve(100)
            #expect(dropped != nil)
            #expect(space.outstanding == 100)
        }
        #expect(space.outstanding == 0)
        #expect(await space.reserve(101) == nil)
    }

    @Test("an unknown disk has no room, a real one has")
    func freeBytes() async {
        #expect(SpoolSpace.freeBytes(of: "/does/not/exist") == nil)
        #expect(await SpoolSpace(directory: "/does/not/exist", spare: 0).reserve(1) == nil)
        #expect((SpoolSpace.freeBytes(of: "/") ?? 0) > 0)
    }

    @Test("slots: n are given, n + 1 is not, and each comes back once")
    func slots() throws {
        let slots = TransferSlots(capacity: 2, share: 2)
        let first = try slots.take(user: 1)
        do {
            let second = try slots.take(user: 1)
            #expect(throws: TransferSlots.Refusal.allTaken) { try slots.take(user: 2) }
            second.release()
        }
        #expect(slots.inUse == 1)
        first.release()
        first.release()
        #expect(slots.inUse == 0)
    }

    @Test("slots: a user has their share and no more, whatever is free, and others still find a place")
    func shares() throws {
        let slots = TransferSlots(capacity: 3, share: 2)
        let first = try slots.take(user: 1)
        let second = try slots.take(user: 1)
        #expect(throws: TransferSlots.Refusal.userHasShare) { try slots.take(user: 1) }
        let other = try slots.take(user: 2)
        #expect(throws: TransferSlots.Refusal.allTaken) { try slots.take(user: 2) }
        first.release()
        let third = try slots.take(user: 1)
        withExtendedLifetime((second, third, other)) { #expect(slots.inUse == 3) }
    }
}
