import AgentLink

/// Work that others hand in, run as child tasks of whoever calls ``run()``, so that nothing outlives its owner.
final class JobQueue: Sendable {
    typealias Job = @Sendable () async -> Void

    private let jobs = BoundedMailbox<Job>(maxCount: 1024)

    /// Queues `job`; it is dropped when the caller is cancelled.
    /// - Returns: whether it was queued.
    @discardableResult
    func add(_ job: @escaping Job) async -> Bool {
        (try? await jobs.send(job)) != nil
    }

    /// Runs jobs, each in its own task, until cancellation, which also cancels them.
    func run() async {
        await withDiscardingTaskGroup { group in
            while let job = try? await jobs.next() {
                group.addTask { await job() }
            }
        }
    }
}
