import Glibc
import Synchronization
import Testing

@testable import AgentRuntime

@Suite("Threads for calls that block")
struct WorkerThreadsTests {
    @Test("work that comes one after the other finds the thread that waits for it")
    func reuse() async {
        let threads = WorkerThreads(limit: 200)
        var seen: Set<UInt> = []
        for _ in 0..<200 { seen.insert(await threads.run { UInt(pthread_self()) }) }
        // The next piece may come before a thread has begun to wait, on a crowded machine several times.
        #expect(seen.count <= 8)
    }

    @Test("as many run at once as the limit allows, and all get their turn", arguments: [1, 3])
    func limit(limit: Int) async {
        let threads = WorkerThreads(limit: limit)
        let running = Running()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    await threads.run {
                        running.begin()
                        // As many as may run have to be seen together, and then there is a moment for one more.
                        for _ in 0..<2000 where running.count.most < limit { usleep(5000) }
                        usleep(5000)
                        running.end()
                    }
                }
            }
        }
        #expect(running.count.now == 0)
        #expect(running.count.most == limit)
    }

    private final class Running: Sendable {
        private let state = Mutex((now: 0, most: 0))

        var count: (now: Int, most: Int) { state.withLock { $0 } }

        func begin() {
            state.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
        }

        func end() { state.withLock { $0.now -= 1 } }
    }

    @Test("after a while without work the next job is done all the same")
    func afterIdleness() async throws {
        let threads = WorkerThreads(limit: 2)
        #expect(await threads.run { 1 } == 1)
        try await Task.sleep(for: .milliseconds(1100))
        for expected in 2..<50 { #expect(await threads.run { expected } == expected) }
    }
}
