import Dispatch

/// Why a pool did not take work.
package enum WorkerPoolError: Error, Equatable, Sendable {
    /// As much waits as may wait.
    case full
    case stopped
}

/// Threads for what blocks. Each owns a resource that it made itself, such as a database connection.
package final class WorkerPool<Resource: ~Copyable>: Sendable {
    private typealias Work = @Sendable (inout Resource) -> Void

    private struct Job {
        var work: Work
        /// Ends the wait of the caller whose work was not begun.
        var abandon: @Sendable () -> Void
    }

    private struct State {
        var jobs: [UInt64: Job] = [:]
        /// The numbers of jobs as they came; those of cancelled tasks are in it still.
        var order: ArraySlice<UInt64> = []
        var count: UInt64 = 0
        var threads: Int
        var isStopped = false
        var stoppers: [CheckedContinuation<Void, Never>] = []

        mutating func removeFirst() -> Job? {
            while let number = order.popFirst() {
                if let job = jobs.removeValue(forKey: number) { return job }
            }
            return nil
        }
    }

    private let state: Lock<State>
    private let waiting = DispatchSemaphore(value: 0)
    private let limit: Int

    /// - Parameters:
    ///   - limit: how many may wait besides those that run.
    ///   - resource: makes what a thread owns, on that thread.
    package init(threads: Int, limit: Int = .max, resource: @escaping @Sendable () -> Resource) {
        state = Lock(State(threads: threads))
        self.limit = limit
        for _ in 0..<threads {
            startThreadSomeTime { self.serve(resource) }
        }
    }

    /// Does `work` on one of the threads; its caller goes on where it was, on its loop. Work that was begun is not
    /// interrupted.
    /// - Throws: what `work` throws, ``WorkerPoolError``, and `CancellationError` if the task was cancelled before the
    ///   work was begun: then it isn't done.
    package func run<Success: Sendable>(
        _ work: @escaping @Sendable (inout Resource) throws -> Success
    ) async throws -> Success {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let job = Job(
                    work: { resource in continuation.resume(with: Result { try work(&resource) }) },
                    abandon: { continuation.resume(throwing: CancellationError()) })
                if let refusal = add(job, as: number) { continuation.resume(throwing: refusal) }
            }
        } onCancel: {
            state.withLock { $0.jobs.removeValue(forKey: number) }?.abandon()
        }
    }

    /// How much waits for a thread.
    package var waitingCount: Int { state.withLock { $0.jobs.count } }

    /// Ends the threads once everything that waits is done, and returns then.
    package func stop() async {
        await withCheckedContinuation { continuation in
            let threads = state.withLock { state in
                state.isStopped = true
                if state.threads > 0 { state.stoppers.append(continuation) }
                return state.threads
            }
            if threads == 0 { return continuation.resume() }
            for _ in 0..<threads { waiting.signal() }
        }
    }

    /// Why the job was not added.
    private func add(_ job: Job, as number: UInt64) -> (any Error)? {
        let refusal: (any Error)? = state.withLock { state in
            // Inside the section: whoever cancels later finds the job.
            if Task.isCancelled { return CancellationError() }
            if state.isStopped { return WorkerPoolError.stopped }
            if state.jobs.count >= limit { return WorkerPoolError.full }
            state.jobs[number] = job
            state.order.append(number)
            return nil
        }
        if refusal == nil { waiting.signal() }
        return refusal
    }

    private func serve(_ makeResource: @Sendable () -> Resource) {
        do {
            var resource = makeResource()
            while let work = next() { work(&resource) }
        }
        let stoppers = state.withLock { state in
            state.threads -= 1
            return state.threads == 0 ? state.stoppers : []
        }
        for stopper in stoppers { stopper.resume() }
    }

    /// Waits for a job; `nil` when the pool is stopped and nothing is left.
    private func next() -> Work? {
        while true {
            waiting.wait()
            let (job, isStopped) = state.withLock { ($0.removeFirst(), $0.isStopped) }
            if let job { return job.work }
            if isStopped { return nil }
        }
    }
}
