import FoundationEssentials
import Synchronization
import Testing

@testable import Storage

struct UpkeepTests {
    private func size(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
    }

    @Test("what deleted rows have left goes back to the disk, while others write")
    func compact() async throws {
        let scratch = try Scratch()
        var handle = try scratch.open()
        try execute(
            scratch.database,
            """
            CREATE TABLE filler (text TEXT);
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
            INSERT INTO filler SELECT hex(randomblob(500)) FROM n;
            DELETE FROM filler;
            """)
        let storage = handle.storage
        async let written: Void = {
            for number in 0..<50 { _ = try await storage.users.insert(user("user \(number)")) }
        }()
        let given = try await handle.storage.upkeep.compact()
        try await written
        #expect(given > 4 << 20)
        #expect(try await handle.storage.upkeep.compact() < 1 << 20)
        #expect(try await handle.storage.users.count() == 50)
        handle.close()
        #expect(try size(scratch.database) < 2 << 20)
        handle = try scratch.open()
        #expect(try await handle.storage.users.count() == 50)
        handle.close()
    }

    @Test("a file that was made without this is written anew once, and keeps what it holds")
    func olderFile() async throws {
        let scratch = try Scratch()
        var handle = try scratch.open()
        _ = try await handle.storage.users.insert(user("kept"))
        handle.close()
        try execute(scratch.database, "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM")
        #expect(try numbers(scratch.database, "PRAGMA auto_vacuum") == [0])
        handle = try scratch.open()
        #expect(try await handle.storage.users.users().map(\.username) == ["kept"])
        handle.close()
        #expect(try numbers(scratch.database, "PRAGMA auto_vacuum") == [2])
    }

    @Test("a file that cannot be compacted keeps none of the others from it")
    func several() async throws {
        struct Broken: DatabaseUpkeep {
            struct Fault: Error {}
            func compact() async throws -> Int64 { throw Fault() }
            func files() async -> [StoredFile] { [] }
        }
        final class Counting: DatabaseUpkeep {
            let calls = Mutex(0)
            func compact() async throws -> Int64 {
                calls.withLock { $0 += 1 }
                return 7
            }
            func files() async -> [StoredFile] { [StoredFile(name: "other", bytes: 9)] }
        }
        let scratch = try Scratch()
        let handle = try scratch.open()
        let last = Counting()
        let good = handle.storage.tending(last).tending(Counting())
        #expect(try await good.upkeep.compact() >= 14)
        let files = await good.upkeep.files()
        #expect(files.map(\.name) == ["database", "other", "other"])
        #expect(files.first.map { $0.bytes > 4096 } == true)
        await #expect(throws: Broken.Fault.self) {
            try await handle.storage.tending(Broken()).tending(last).upkeep.compact()
        }
        #expect(last.calls.withLock { $0 } == 2)
        handle.close()
    }

    private func numbers(_ path: String, _ sql: String) throws -> [Int64] {
        let connection = try Connection(path: path, access: .readOnly)
        defer { try? connection.close() }
        return try connection.integers(sql)
    }
}
