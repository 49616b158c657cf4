import Foundation
import HTTP
import JSON
import Secrets
import Settings
import Storage
import Synchronization
import TestSupport
import Testing

@testable import MCPServer

@Suite("Audit log: overload, failure, retention")
struct AuditLogTests {
    /// A database that is stuck until it is told to go on, and refuses rows while it is told to.
    private final class SlowRows: AuditRepository {
        private struct State {
            var rows: [AuditRecord] = []
            var isStuck = true
            var refusals = 0
            var hasBegun = false
            var batches: [Int] = []
        }

        private let state = Mutex(State())

        var rows: [AuditRecord] { state.withLock { $0.rows } }
        var hasBegun: Bool { state.withLock { $0.hasBegun } }
        /// How many rows came each time.
        var batches: [Int] { state.withLock { $0.batches } }
        func free() { state.withLock { $0.isStuck = false } }
        func refuse(_ times: Int) { state.withLock { $0.refusals = times } }

        func append(_ rows: [AuditRecord]) async throws {
            state.withLock { $0.hasBegun = true }
            while state.withLock({ $0.isStuck }) { try await Task.sleep(for: .milliseconds(5)) }
            let isRefused = state.withLock { state in
                state.refusals -= 1
                return state.refusals >= 0
            }
            if isRefused { throw StorageError.failed("disk full") }
            state.withLock { state in
                state.rows += rows
                state.batches.append(rows.count)
            }
        }

        func rows(_ selection: AuditSelection, limit: Int) async throws -> [AuditRecord] { rows }
        func purge(before date: Date, limit: Int) async throws -> Int { 0 }
        func purge(allBut newest: Int, limit: Int) async throws -> Int { 0 }
    }

    private static let dataKey = SecretKey(derivedFrom: [1], context: "tests")

    private static func entry(_ number: Int) -> AuditEntry {
        let call = ToolCall(
            principal: Principal(
                user: UserIdentity(id: 1, username: "owner", isAdministrator: false),
                credential: .session(SessionIdentity(keyID: "k"))),
            origin: .rest, requestID: "r-\(number)", client: ClientAddress(peer: nil, real: nil))
        return AuditEntry(tool: "probe", call: call, arguments: .null, failure: nil, duration: .zero)
    }

    @Test("on overload the newest rows are dropped, counted, and the log tells the gap; no call waits for it")
    func overload() async throws {
        let rows = SlowRows()
        let lines = KeptLog()
        let log = AuditLog(repository: rows, logger: lines.logger, dataKey: Self.dataKey)
        for number in 0..<AuditLog.capacity { log.record(Self.entry(number)) }
        #expect(log.lostRows == 0)
        #expect(lines.lines.isEmpty)
        for number in 0..<7 { log.record(Self.entry(AuditLog.capacity + number)) }
        #expect(log.lostRows == 7)
        #expect(log.droppedRows == 7)
        #expect(log.waitingRows == AuditLog.capacity)
        // Told at once, once, although the database has not moved yet.
        #expect(lines.lines.count { $0.contains("audit rows are being dropped") } == 1)
        rows.free()
        let writer = Task { await log.run() }
        await log.flush()
        #expect(rows.rows.map(\.requestID) == (0..<AuditLog.capacity).map { "r-\($0)" })
        #expect(lines.lines.contains { $0.contains("too slow") && $0.contains("7") })
        // There is room again.
        log.record(Self.entry(0))
        await log.flush()
        #expect(rows.rows.count == AuditLog.capacity + 1)
        #expect(log.lostRows == 7)
        writer.cancel()
        await writer.value
    }

    @Test("a database that refuses is asked three times; then the rows are given up, counted and told")
    func refusal() async throws {
        let rows = SlowRows()
        let lines = KeptLog()
        let log = AuditLog(repository: rows, logger: lines.logger, dataKey: Self.dataKey)
        rows.free()
        rows.refuse(2)
        let writer = Task { await log.run() }
        log.record(Self.entry(1))
        await log.flush()
        #expect(rows.rows.count == 1)
        #expect(log.lostRows == 0)
        rows.refuse(3)
        log.record(Self.entry(2))
        await log.flush()
        #expect(rows.rows.count == 1)
        #expect(log.lostRows == 1)
        #expect(lines.lines.contains { $0.contains("audit rows lost") })
        writer.cancel()
        await writer.value
    }

    @Test("what waits when the writer is told to end is written first")
    func ending() async throws {
        let gateway = try await TestGateway()
        for number in 0..<2_000 { gateway.audit.record(Self.entry(number)) }
        let writer = Task { await gateway.audit.run() }
        writer.cancel()
        await writer.value
        let written = try await gateway.storage.audit.rows(AuditSelection(), limit: 5_000)
        #expect(written.count == 2_000)
        #expect(gateway.audit.lostRows == 0)
    }

    @Test("a writer that is told to end in the middle of a write finishes it")
    func endingInTheMiddle() async throws {
        let rows = SlowRows()
        let log = AuditLog(repository: rows, logger: KeptLog().logger, dataKey: Self.dataKey)
        let writer = Task { await log.run() }
        log.record(Self.entry(1))
        while !rows.hasBegun { try await Task.sleep(for: .milliseconds(1)) }
        log.record(Self.entry(2))
        writer.cancel()
        rows.free()
        await writer.value
        #expect(rows.rows.map(\.requestID) == ["r-1", "r-2"])
        #expect(log.lostRows == 0)
    }

    @Test("what comes while rows are written gathers as the first did, and needs no other call to be written")
    func gathering() async throws {
        let rows = SlowRows()
        let log = AuditLog(repository: rows, logger: KeptLog().logger, dataKey: Self.dataKey)
        let writer = Task { await log.run() }
        log.record(Self.entry(0))
        while !rows.hasBegun { try await Task.sleep(for: .milliseconds(1)) }
        log.record(Self.entry(1))
        let clock = ContinuousClock()
        let freed = clock.now
        rows.free()
        while rows.batches.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        while rows.batches.count < 2 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(clock.now - freed >= .milliseconds(20))
        #expect(rows.rows.map(\.requestID) == ["r-0", "r-1"])

        // What is more than a batch is written to its end.
        for number in 0..<600 { log.record(Self.entry(2 + number)) }
        while rows.rows.count < 602 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(rows.batches.allSatisfy { $0 <= 512 })
        writer.cancel()
        await writer.value
    }

    @Test("rows live as long as audit_retention_days says, to the moment; more than one batch goes at once")
    func retention() async throws {
        let gateway = try await TestGateway()
        gateway.settings.set { $0.auditRetentionDays = 7 }
        let edge = gateway.now.addingTimeInterval(-7 * 86_400)
        func row(_ id: String, _ date: Date) -> AuditRecord {
            AuditRecord(
                createdAt: date, userID: 0, tokenID: 0, serverID: 0, tool: "probe", origin: "mcp", requestID: id,
                argumentsHash: "", argumentsRedacted: "", outcome: "ok", errorCode: "", errorMessage: "",
                durationMilliseconds: 0, ip: "")
        }
        try await gateway.storage.audit.append(
            (0..<5_001).map { row("old-\($0)", edge.addingTimeInterval(-1)) }
                + [row("edge", edge), row("new", gateway.now)])
        let housekeeper = Housekeeper(
            storage: gateway.storage, transferURLs: gateway.transferURLs, settings: gateway.settings,
            logger: gateway.log.logger, now: { gateway.now })
        await housekeeper.daily()
        func left() async throws -> [String] {
            try await gateway.storage.audit.rows(AuditSelection(), limit: 10_000).map(\.requestID)
        }
        #expect(try await left() == ["new", "edge"])
        gateway.settings.set { $0.auditRetentionDays = 1 }
        await housekeeper.daily()
        #expect(try await left() == ["new"])
    }

    @Test("of more rows than audit_max_rows the oldest go, in more than one batch; that many stay")
    func size() async throws {
        let gateway = try await TestGateway()
        gateway.settings.set { $0.auditMaxRows = 1_000 }
        for number in 0..<6_002 { gateway.audit.record(Self.entry(number)) }
        let writer = Task { await gateway.audit.run() }
        await gateway.audit.flush()
        let housekeeper = Housekeeper(
            storage: gateway.storage, transferURLs: gateway.transferURLs, settings: gateway.settings,
            logger: gateway.log.logger, now: { gateway.now })
        await housekeeper.often()
        let left = try await gateway.storage.audit.rows(AuditSelection(), limit: 10_000)
        #expect(left.count == 1_000)
        #expect(left.last?.requestID == "r-5002")
        await housekeeper.often()
        #expect(try await gateway.storage.audit.rows(AuditSelection(), limit: 10_000).count == 1_000)
        writer.cancel()
        await writer.value
    }

    @Test("of calls that nobody answers for, five a minute are kept for each address, and 300 of all together")
    func guests() async throws {
        let gateway = try await TestGateway()
        let user = try await gateway.user("owner")
        let session = try await gateway.session(of: user)
        func record(_ address: String?, as caller: Principal = .guest, _ tool: String = "probe", ok: Bool = false) {
            let call = ToolCall(
                principal: caller, origin: .rest, requestID: address ?? "none",
                client: ClientAddress(peer: nil, real: address))
            gateway.audit.record(
                AuditEntry(
                    tool: tool, call: call, arguments: .null, failure: ok ? nil : .unauthenticated, duration: .zero,
                    identifiesCaller: tool == "session.create"))
        }
        for _ in 0..<7 {
            record("192.0.2.1")
            record(nil)
            record("192.0.2.2", as: session)
            // Somebody who has just shown their password is no guest any more; who has not is one.
            record("192.0.2.4", "session.create", ok: true)
            record("192.0.2.5", "session.create")
        }
        for number in 0..<400 { record("2001:db8::\(number)") }
        let writer = Task { await gateway.audit.run() }
        await gateway.audit.flush()
        let rows = try await gateway.storage.audit.rows(AuditSelection(), limit: 1_000)
        let counts = Dictionary(grouping: rows, by: \.requestID).mapValues(\.count)
        #expect(counts["192.0.2.1"] == 5)
        #expect(counts["none"] == 5)
        #expect(counts["192.0.2.5"] == 5)
        #expect(counts["192.0.2.2"] == 7)
        #expect(counts["192.0.2.4"] == 7)
        #expect(rows.count == GuestRowThrottle.rowsPerMinute + 14)
        gateway.advance(60)
        record("192.0.2.1")
        await gateway.audit.flush()
        #expect(
            try await gateway.storage.audit.rows(AuditSelection(), limit: 1).first?.requestID == "192.0.2.1")
        writer.cancel()
        await writer.value
    }

    @Test("digests depend on the key, so that a short secret cannot be tried out; 64 values are looked at, no more")
    func digests() throws {
        let date = Date(timeIntervalSince1970: 0)
        func record(_ arguments: JSONValue, _ key: UInt8 = 1) -> AuditRecord {
            var entry = Self.entry(0)
            entry.arguments = arguments
            entry.keptMembers = ["ids": .numbers]
            return entry.record(at: date, AuditDigests(dataKey: SecretKey(derivedFrom: [key], context: "tests")))
        }
        let one = record(["cmd": "1234"])
        #expect(one.argumentsHash == record(["cmd": "1234"]).argumentsHash)
        #expect(one.argumentsHash.count == 64)
        #expect(one.argumentsHash != record(["cmd": "1234"], 2).argumentsHash)
        #expect(one.argumentsRedacted != record(["cmd": "1234"], 2).argumentsRedacted)
        for text in [one.argumentsHash, one.argumentsRedacted] {
            #expect(!text.contains(SHA256Digest.hex(Array("1234".utf8))))
        }
        let list = JSONValue.array((0..<100).map { .integer(Int64($0)) })
        let redacted = try JSONParser.parse(record(["ids": list]).argumentsRedacted)
        // The list itself counts.
        #expect(redacted["ids"]?.arrayValue?.count == ArgumentRedaction.values - 1)
        let wide = JSONObject(uniqueMembers: (0..<100).map { ("m\($0)", JSONValue.null) })
        let deep = try JSONParser.parse(record(["a": .object(wide), "b": 1]).argumentsRedacted)
        #expect(deep["a"]?.objectValue?.count == ArgumentRedaction.values - 1)
        #expect(deep["b"] == nil)
        #expect(try JSONParser.parse(record(.object(wide)).argumentsRedacted).objectValue?.count == 64)
    }

    @Test("a server that cannot be one is not noted, and a row that notes one does not hide the others")
    func impossibleServer() async throws {
        let gateway = try await TestGateway()
        let admin = try await gateway.user("root", role: .administrator)
        let token = try await gateway.token(of: admin)
        var row = Self.entry(1)
        for id in [-1, Int64.min, 0] {
            row.arguments = ["server_id": .integer(id)]
            let record = row.record(at: gateway.now, AuditDigests(dataKey: gateway.dataKey))
            #expect(record.serverID == 0)
            var old = record
            old.serverID = id
            try await gateway.storage.audit.append([old])
        }
        let listed = try await gateway.call("audit.list", as: token).get()
        #expect(listed["rows"]?.arrayValue?.compactMap { $0["server_id"]?.int64Value } == [0, 0, 0])
    }
}
