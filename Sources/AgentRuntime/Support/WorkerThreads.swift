import AgentLink
import Dispatch
import Synchronization
import Transport

/// Threads for calls that block (files, directories, name look-ups), so that neither the tasks of the process nor its
/// event loops ever wait for a disk.
///
/// At most `limit` run at once; further work waits its turn. A thread that has nothing to do waits a moment for more and
/// then ends: the pieces of a transfer come one after the other.
final class WorkerThreads: Sendable {
    private typealias Job = @Sendable () -> Void

    private struct State {
        var jobs: [Job] = []
        var threads = 0
        /// What wakes those that wait for more to do.
        var idle: [DispatchSemaphore] = []
    }

    private static let patience = DispatchTimeInterval.seconds(1)

    /// Shared by all file work of the process.
    static let files = WorkerThreads(limit: 32)

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) {
        self.limit = limit
    }

    /// Runs `body` on a thread and waits for it without blocking. It is not interrupted by cancellation.
    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
            submit { continuation.resume(with: Result { try body() }) }
        }
    }

    /// Runs `body`, and waits for it as long as the task is not cancelled, and a moment longer: what hangs in the kernel
    /// hears of no cancellation.
    /// - Returns: `nil` when it was given up; the thread goes on alone.
    func runUntilCancelled<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value? {
        let outcome = Outcome<Value>()
        submit {
            outcome.set(body())
        }
        await outcome.isThere.wait()
        if !outcome.isThere.isFired {
            // A task of its own is not cancelled with this one.
            await Task { _ = try? await withDeadline(Self.cancelGrace) { await outcome.isThere.wait() } }.value
        }
        return outcome.value
    }

    /// How long work may take to see that it is wanted no more.
    private static let cancelGrace = Duration.seconds(2)

    private final class Outcome<Value: Sendable>: Sendable {
        let isThere = Signal()
        private let state = Mutex<Value?>(nil)

        var value: Value? { state.withLock { $0 } }

        func set(_ value: Value) {
            state.withLock { $0 = value }
            isThere.fire()
        }
    }

    /// Runs `body`, which cannot fail, likewise.
    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { (continuation: CheckedContinuation<Value, Never>) in
            submit { continuation.resume(returning: body()) }
        }
    }

    /// Queues `job` and returns at once.
    func submit(_ job: @escaping @Sendable () -> Void) {
        let (idle, isNewThread) = state.withLock { state in
            state.jobs.append(job)
            if let idle = state.idle.popLast() { return (Optional(idle), false) }
            guard state.threads < limit else { return (nil, false) }
            state.threads += 1
            return (nil, true)
        }
        idle?.signal()
        guard isNewThread else { return }
        do {
            try startThread { self.work() }
        } catch {
            // None to be had: one that is shared with others does the work when it can.
            DispatchQueue.global().async { self.work() }
        }
    }

    private func work() {
        let waker = DispatchSemaphore(value: 0)
        while let job = next(waker) { job() }
    }

    /// - Parameter waker: of the calling thread.
    private func next(_ waker: DispatchSemaphore) -> Job? {
        while true {
            let job = state.withLock { state -> Job? in
                if state.jobs.isEmpty {
                    state.idle.append(waker)
                    return nil
                }
                return state.jobs.removeFirst()
            }
            if let job { return job }
            if waker.wait(timeout: .now() + Self.patience) == .success { continue }
            let ends = state.withLock { state in
                // Taken off the list in this very moment: the signal is on its way, and with it a job.
                guard let place = state.idle.firstIndex(where: { $0 === waker }) else { return false }
                state.idle.remove(at: place)
                state.threads -= 1
                return true
            }
            if ends { return nil }
            waker.wait()
        }
    }
}
