import Dispatch
import Testing

@testable import Transport

@Suite("Worker threads", .timeLimit(.minutes(5))) struct WorkerPoolTests {
    private struct Fault: Error {}

    @Test("work is done elsewhere, its result comes back to the loop")
    func comesBack() async throws {
        let pool = WorkerPool<[Int]>(threads: 2) { [7] }
        let sum = try await EventLoop.shared.run { loop in
            var sum = 0
            for _ in 0..<2 {
                sum += try await pool.run { numbers in
                    #expect(!loop.executor.isCurrent)
                    return numbers[0]
                }
                #expect(loop.executor.isCurrent)
            }
            return sum
        }
        #expect(sum == 14)
        await #expect(throws: Fault.self) { try await pool.run { _ in throw Fault() } }
        await pool.stop()
    }

    @Test("many at once are all served, by threads that own what they made")
    func many() async throws {
        let pool = WorkerPool<Int>(threads: 2) { 0 }
        let counts = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<1000 {
                group.addTask {
                    try await pool.run { count in
                        count += 1
                        return count
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(counts.count == 1000)
        #expect(counts.max()! >= 500)
        await pool.stop()
    }

    @Test("as much waits as may, and what is more is refused")
    func bound() async throws {
        let pool = WorkerPool<Void>(threads: 1, limit: 2) {}
        let gate = Gate()
        async let running: Void = pool.run { _ in gate.pass() }
        await gate.reached()
        async let first: Void = pool.run { _ in }
        async let second: Void = pool.run { _ in }
        while pool.waitingCount < 2 { await Task.yield() }
        await #expect(throws: WorkerPoolError.full) { try await pool.run { _ in } }
        gate.open()
        _ = try await (running, first, second)
        try await pool.run { _ in }
        await pool.stop()
    }

    @Test("work of a task that was cancelled before it began is not done")
    func cancelled() async throws {
        let pool = WorkerPool<Void>(threads: 1) {}
        let gate = Gate()
        async let running: Void = pool.run { _ in gate.pass() }
        await gate.reached()
        let waiting = Task { try await pool.run { _ -> Void in Issue.record("this was cancelled") } }
        while pool.waitingCount < 1 { await Task.yield() }
        let later = Task { try await pool.run { _ in 7 } }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        let cancelledBefore = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await pool.run { _ -> Void in Issue.record("this was cancelled") }
        }
        await #expect(throws: CancellationError.self) { try await cancelledBefore.value }
        gate.open()
        try await running
        #expect(try await later.value == 7)
        await pool.stop()
    }

    @Test("a stop does what waits and nothing after it, and the threads let go what they own")
    func stop() async throws {
        final class Owned: Sendable {
            let ended: Lock<Int>
            init() { ended = Lock(0) }
        }
        weak var gone: Owned?
        let pool: WorkerPool<Owned>
        do {
            let owned = Owned()
            gone = owned
            let holder = Lock<Owned?>(owned)
            pool = WorkerPool<Owned>(threads: 1) { holder.withLock { owned in owned.take()! } }
        }
        let gate = Gate()
        async let running: Void = pool.run { _ in gate.pass() }
        await gate.reached()
        async let waiting = pool.run { _ in 5 }
        while pool.waitingCount < 1 { await Task.yield() }
        async let stopped: Void = pool.stop()
        gate.open()
        _ = try await running
        #expect(try await waiting == 5)
        await stopped
        await #expect(throws: WorkerPoolError.stopped) { try await pool.run { _ in } }
        await pool.stop()
        #expect(gone == nil)
    }
}

/// Holds a worker up.
private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let isReached = Lock(false)

    func pass() {
        isReached.withLock { $0 = true }
        semaphore.wait()
    }

    func open() { semaphore.signal() }

    func reached() async {
        while !isReached.withLock({ $0 }) { await Task.yield() }
    }
}
