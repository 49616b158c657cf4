import Testing

@testable import Storage

@Suite("The file of the embedded metrics store (engines.md 2)") struct MetricsFileTests {
    private static let series = MetricSeries(kind: .server, subject: 7, reporter: 0)

    private func open(_ scratch: Scratch) throws -> MetricsFile {
        try MetricsFile.open(path: scratch.folder + "/metrics.db", cacheBytes: 1 << 20, logger: quiet)
    }

    private func rows(_ slots: Range<Int64>, _ series: MetricSeries = series) -> [MetricRow] {
        slots.map { MetricRow(series: series, level: 0, slot: $0, cells: [UInt8(truncatingIfNeeded: $0), 1]) }
    }

    @Test("a file of version 1, which had its open rows by series, is read and goes on")
    func versionOne() async throws {
        let scratch = try Scratch()
        let file = try open(scratch)
        try await file.write(rows(100..<130))
        file.close()
        try execute(
            scratch.folder + "/metrics.db",
            """
            CREATE TABLE before (
                kind INTEGER NOT NULL, subject INTEGER NOT NULL, reporter INTEGER NOT NULL,
                level INTEGER NOT NULL, slot INTEGER NOT NULL, cells BLOB NOT NULL,
                PRIMARY KEY (kind, subject, reporter, level, slot)
            ) WITHOUT ROWID;
            INSERT INTO before SELECT kind, subject, reporter, level, slot, cells FROM open_rows;
            DROP TABLE open_rows; ALTER TABLE before RENAME TO open_rows; PRAGMA user_version = 1;
            """)
        for _ in 0..<2 {
            let file = try open(scratch)
            try await file.write(rows(130..<131))
            let found = try await file.read(.server, subject: 7, reporter: 0, level: 0, blocks: nil, open: 90)
            #expect(found.rows.map(\.slot) == Array(100...130))
            #expect(found.rows.first?.bytes == [100, 1])
            file.close()
        }
        let table = try texts(
            scratch.folder + "/metrics.db", "SELECT sql FROM sqlite_master WHERE name = 'open_rows'")
        #expect(table.first?.contains("PRIMARY KEY (level, slot, kind, subject, reporter)") == true)
        #expect(try texts(scratch.folder + "/metrics.db", "SELECT name FROM sqlite_master").count == 4)
    }

    @Test("reads take the slots that were asked for, of one reporter or of all, and no other series")
    func slots() async throws {
        let scratch = try Scratch()
        let file = try open(scratch)
        defer { file.close() }
        let probe = MetricSeries(kind: .probe, subject: 7, reporter: 1)
        let other = MetricSeries(kind: .probe, subject: 7, reporter: 2)
        let foreign = MetricSeries(kind: .probe, subject: 8, reporter: 1)
        try await file.write(rows(10..<20, probe) + rows(15..<25, other) + rows(10..<30, foreign) + rows(0..<9))
        func read(_ reporter: Int64?, _ open: Int64?) async throws -> [Int64] {
            try await file.read(.probe, subject: 7, reporter: reporter, level: 0, blocks: nil, open: open)
                .rows.map(\.slot)
        }
        #expect(try await read(1, 17) == [17, 18, 19])
        #expect(try await read(nil, 18) == [18, 19, 18, 19, 20, 21, 22, 23, 24])
        #expect(try await read(nil, 100).isEmpty)
        #expect(try await read(2, nil).isEmpty)
        #expect(try await file.firstOpenSlot(other, level: 0, from: 3) == 15)
        #expect(try await file.firstOpenSlot(other, level: 0, from: 20) == 20)
        #expect(try await file.firstOpenSlot(other, level: 0, from: 25) == nil)
        #expect(try await file.firstOpenSlot(other, level: 1, from: 3) == nil)
    }

    @Test("what is sealed is in its block and no longer open; neighbours stay")
    func seal() async throws {
        let scratch = try Scratch()
        let file = try open(scratch)
        defer { file.close() }
        try await file.write(rows(118..<122) + rows(118..<122, MetricSeries(kind: .server, subject: 8, reporter: 0)))
        let seal = MetricSeal(series: Self.series, level: 0, slots: 0..<120)
        try await file.seal([seal]) { rows, existing in
            #expect(existing == nil)
            return (rows.flatMap(\.bytes), [])
        }
        let found = try await file.read(
            .server, subject: 7, reporter: 0, level: 0, blocks: 0, open: 0)
        #expect(found.blocks.map(\.bytes) == [[118, 1, 119, 1]])
        #expect(found.rows.map(\.slot) == [120, 121])
        let other = try await file.read(
            .server, subject: 8, reporter: 0, level: 0, blocks: 0, open: 0)
        #expect(other.blocks.isEmpty)
        #expect(other.rows.count == 4)
    }
}
