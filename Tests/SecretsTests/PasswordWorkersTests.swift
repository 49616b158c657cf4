import Dispatch
import Synchronization
import Testing

@testable import Secrets

@Suite("Threads for password hashes")
struct PasswordWorkersTests {
    /// Jobs that run until they are told to end.
    private final class Gate: Sendable {
        private let semaphore = DispatchSemaphore(value: 0)
        private let started = Atomic<Int>(0)

        var count: Int { started.load(ordering: .acquiring) }

        /// Blocks a worker's thread, which is there for that.
        func pass() {
            started.wrappingAdd(1, ordering: .releasing)
            semaphore.wait()
        }

        func open(_ times: Int) {
            for _ in 0..<times { semaphore.signal() }
        }
    }

    @Test("Unbounded streams: two threads take 2 + 6 jobs and refuse the ninth at once; each end makes room")
    func bounded() async throws {
        let workers = PasswordWorkers(count: 2, waitingPerThread: 3)
        let gate = Gate()
        await withTaskGroup(of: Int?.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try? await workers.runIfRoom {
                        gate.pass()
                        return 1
                    }
                }
            }
            while workers.load < 8 { await Task.yield() }
            await #expect(throws: SecretsError.busy) { try await workers.runIfRoom { Issue.record("must not run") } }
            // Work that no stranger asks for is not refused, and waits for its turn.
            group.addTask { await workers.run { 10 } }
            gate.open(1)
            #expect(await group.next() == 1)
            group.addTask { try? await workers.runIfRoom { 2 } }
            gate.open(7)
            var sum = 0
            for await value in group { sum += value ?? 0 }
            #expect(sum == 19)
        }
        #expect(workers.load == 0)
        #expect(gate.count == 8)
    }

    @Test("a waiting job that is cancelled does not run, and makes room when its turn comes")
    func cancelled() async throws {
        let workers = PasswordWorkers(count: 1, waitingPerThread: 1)
        let gate = Gate()
        let first = Task { try await workers.runIfRoom { gate.pass() } }
        while gate.count == 0 { await Task.yield() }
        let second = Task { try await workers.runIfRoom { Issue.record("must not run") } }
        while workers.load < 2 { await Task.yield() }
        second.cancel()
        gate.open(1)
        _ = try await first.value
        #expect(try await second.value == nil)
        #expect(workers.load == 0)
        #expect(try await workers.runIfRoom { 3 } == 3)
    }
}
