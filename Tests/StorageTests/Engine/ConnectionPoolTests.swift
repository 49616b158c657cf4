import Primitives
import Testing

@testable import Storage

@Suite("Pool of connections")
struct ConnectionPoolTests {
    /// A pool over a file of its own, with a table `t`.
    private final class Fixture: Sendable {
        let scratch: Scratch
        let pool: ConnectionPool

        init(size: Int, limit: Int = ConnectionPool.waitingLimit) throws {
            scratch = try Scratch()
            let path = scratch.database
            try execute(path, "CREATE TABLE t (v)")
            let count = Monitor(0)
            pool = ConnectionPool(size: size, limit: limit) {
                count.withLock { $0 += 1 }
                return try Connection(path: path, access: .readWrite)
            }
            connections = count
        }

        /// How many were opened.
        let connections: Monitor<Int>
        var openCount: Int { connections.withLock { $0 } }

        func values() async throws -> [Int64] { try await pool.run { try $0.integers("SELECT v FROM t ORDER BY v") } }
    }

    /// Holds one thread of a pool until it is opened.
    private final class Gate: Sendable {
        private let state = Monitor((isOpen: false, passing: 0))

        /// Called by work, on a thread of the pool.
        func pass() {
            state.withLock { $0.passing += 1 }
            state.wakeAll()
            state.wait { $0.isOpen ? () : nil }
        }

        func open() {
            state.withLock { $0.isOpen = true }
            state.wakeAll()
        }

        /// Until so many are held. Must not block: the tasks that bring them need this thread.
        func held(_ count: Int) async throws {
            while state.withLock({ $0.passing < count }) { try await Task.sleep(for: .milliseconds(1)) }
        }
    }

    @Test("one thing at a time needs one thread and one connection")
    func oneThread() async throws {
        let fixture = try Fixture(size: 4)
        for number in 0..<20 {
            try await fixture.pool.run { _ = try $0.run("INSERT INTO t VALUES (?)", .integer(number)) }
        }
        #expect(try await fixture.values().count == 20)
        #expect(fixture.openCount == 1)
        #expect(fixture.pool.threadCount == 1)
        fixture.pool.close { _ in }
    }

    @Test("as many at once as there may be threads, and no more", arguments: [1, 4])
    func size(_ size: Int) async throws {
        let fixture = try Fixture(size: size)
        let running = Monitor((now: 0, most: 0))
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await fixture.pool.run { _ in
                        running.withLock {
                            $0.now += 1
                            $0.most = max($0.most, $0.now)
                        }
                        gate.pass()
                        running.withLock { $0.now -= 1 }
                    }
                }
            }
            try await gate.held(size)
            gate.open()
            try await group.waitForAll()
        }
        #expect(running.withLock { $0.most } == size)
        #expect(fixture.openCount == size)
        #expect(fixture.pool.threadCount == size)
        fixture.pool.close { _ in }
        #expect(fixture.pool.threadCount == 0)
    }

    @Test("work is done in the order in which it came")
    func order() async throws {
        let fixture = try Fixture(size: 1)
        let gate = Gate()
        let done = Monitor<[Int]>([])
        async let first: Void = fixture.pool.run { _ in gate.pass() }
        try await gate.held(1)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<10 {
                group.addTask { try await fixture.pool.run { _ in done.withLock { $0.append(number) } } }
                while fixture.pool.waitingCount <= number { try await Task.sleep(for: .milliseconds(1)) }
            }
            gate.open()
            try await group.waitForAll()
        }
        try await first
        #expect(done.withLock { $0 } == Array(0..<10))
        fixture.pool.close { _ in }
    }

    @Test("so much may wait, and what is more is refused")
    func limit() async throws {
        let fixture = try Fixture(size: 1, limit: 2)
        let gate = Gate()
        async let running: Void = fixture.pool.run { _ in gate.pass() }
        try await gate.held(1)
        async let second = fixture.pool.run { _ in 2 }
        async let third = fixture.pool.run { _ in 3 }
        while fixture.pool.waitingCount < 2 { try await Task.sleep(for: .milliseconds(1)) }
        await #expect(throws: ConnectionPool.Refusal.full) { try await fixture.pool.run { _ in 4 } }
        await #expect(throws: ConnectionPool.Refusal.full) { try await fixture.pool.runCancellable { _, _ in 4 } }
        gate.open()
        try await running
        #expect(try await [second, third] == [2, 3])
        #expect(try await fixture.pool.run { _ in 5 } == 5)
        fixture.pool.close { _ in }
    }

    @Test("who asks is not held up while the database works", .timeLimit(.minutes(5)))
    func callerGoesOn() async throws {
        actor Asker {
            func ask(_ pool: ConnectionPool, _ gate: Gate) async throws { try await pool.run { _ in gate.pass() } }
            func answer() -> Int { 7 }
        }
        let fixture = try Fixture(size: 1)
        let gate = Gate()
        let asker = Asker()
        async let asked: Void = asker.ask(fixture.pool, gate)
        try await gate.held(1)
        #expect(await asker.answer() == 7)
        gate.open()
        try await asked
        fixture.pool.close { _ in }
    }

    @Test("a read that waits is given up when its task is cancelled, and one that runs is told")
    func cancelling() async throws {
        let fixture = try Fixture(size: 1)
        let gate = Gate()
        async let running: Void = fixture.pool.run { _ in gate.pass() }
        try await gate.held(1)
        let wasRun = Monitor(false)
        let waiting = Task {
            try await fixture.pool.runCancellable { _, _ in wasRun.withLock { $0 = true } }
        }
        while fixture.pool.waitingCount < 1 { try await Task.sleep(for: .milliseconds(1)) }
        waiting.cancel()
        // Although the only thread is held still.
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(fixture.pool.waitingCount == 0)
        gate.open()
        try await running
        #expect(wasRun.withLock { !$0 })

        let began = Gate()
        began.open()
        let endless = Task {
            try await fixture.pool.runCancellable { connection, cancellation in
                began.pass()
                return try connection.read(cancellation: cancellation) { connection in
                    try connection.integers(
                        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n")
                }
            }
        }
        try await began.held(1)
        endless.cancel()
        await #expect(throws: CancellationError.self) { try await endless.value }
        #expect(try await fixture.values().isEmpty)
        fixture.pool.close { _ in }
    }

    @Test("a task that is cancelled already reads nothing")
    func cancelledBefore() async throws {
        try await withStorage { storage in
            let task = Task {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                return try await storage.users.count()
            }
            await #expect(throws: CancellationError.self) { try await task.value }
            let count = try await storage.users.count()
            #expect(count == 0)
        }
    }

    @Test("a write that waits is done although its task is cancelled")
    func writesStay() async throws {
        let fixture = try Fixture(size: 1)
        let gate = Gate()
        async let running: Void = fixture.pool.run { _ in gate.pass() }
        try await gate.held(1)
        let write = Task {
            try await fixture.pool.run { connection in
                try connection.write { _ = try $0.run("INSERT INTO t VALUES (1)") }
            }
        }
        while fixture.pool.waitingCount < 1 { try await Task.sleep(for: .milliseconds(1)) }
        write.cancel()
        gate.open()
        try await running
        try await write.value
        #expect(try await fixture.values() == [1])
        fixture.pool.close { _ in }
    }

    @Test("closing does what waits first, then the farewell of each connection, and takes nothing more")
    func closing() async throws {
        let fixture = try Fixture(size: 1)
        let gate = Gate()
        async let running: Void = fixture.pool.run { _ in gate.pass() }
        try await gate.held(1)
        async let waiting: Void = fixture.pool.run { _ = try $0.run("INSERT INTO t VALUES (1)") }
        while fixture.pool.waitingCount < 1 { try await Task.sleep(for: .milliseconds(1)) }
        let farewells = Monitor<[[Int64]]>([])
        #expect(
            DetachedThread.start {
                fixture.pool.close { connection in
                    let values = try? connection.integers("SELECT v FROM t")
                    farewells.withLock { $0.append(values ?? []) }
                    farewells.wakeAll()
                }
            } == 0)
        gate.open()
        farewells.wait { $0.isEmpty ? nil : () }
        try await running
        try await waiting
        #expect(farewells.withLock { $0 } == [[1]])
        await #expect(throws: ConnectionPool.Refusal.closed) { try await fixture.pool.run { _ in } }
        await #expect(throws: ConnectionPool.Refusal.closed) { try await fixture.pool.runCancellable { _, _ in } }
        #expect(throws: ConnectionPool.Refusal.closed) { try fixture.pool.wait { _ in } }
        fixture.pool.close { _ in Issue.record("a second farewell") }
        #expect(fixture.pool.threadCount == 0)
    }

    @Test("a connection that does not open fails its work; the next work tries again")
    func opening() async throws {
        let scratch = try Scratch()
        let path = scratch.database
        let pool = ConnectionPool(size: 1) { try Connection(path: path, access: .readWrite) }
        await #expect(throws: SQLiteError.self) { try await pool.run { try $0.integers("SELECT 1") } }
        try execute(path, "CREATE TABLE t (v)")
        #expect(try await pool.run { try $0.integers("SELECT 1") } == [1])
        pool.close { _ in }
    }

    @Test("a transaction that was left open does not swallow what follows")
    func stuck() async throws {
        let fixture = try Fixture(size: 1)
        try await fixture.pool.run { connection in
            try connection.run("BEGIN")
            try connection.run("INSERT INTO t VALUES (1)")
        }
        try await fixture.pool.run { connection in
            #expect(!connection.isInTransaction)
            try connection.write { _ = try $0.run("INSERT INTO t VALUES (2)") }
        }
        #expect(try await fixture.values() == [2])
        #expect(fixture.openCount == 2)
        fixture.pool.close { _ in }
    }

    @Test("a pool that nobody has any more ends its threads and closes its connections")
    func forgotten() async throws {
        let scratch = try Scratch()
        let path = scratch.database
        try execute(path, "PRAGMA journal_mode = WAL; CREATE TABLE t (v)")
        var pool: ConnectionPool? = ConnectionPool(size: 1) { try Connection(path: path, access: .readWrite) }
        try await pool?.run { _ = try $0.run("INSERT INTO t VALUES (1)") }
        #expect(exists(path + "-wal"))
        pool = nil
        // The last connection takes the log along.
        for _ in 0..<500 where exists(path + "-wal") { try await Task.sleep(for: .milliseconds(10)) }
        #expect(!exists(path + "-wal"))
    }
}
