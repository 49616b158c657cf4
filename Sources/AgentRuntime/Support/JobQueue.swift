/// Work that others hand in, run as child tasks of whoever calls ``run()``, so that nothing outlives its owner.
final class JobQueue: Sendable {
    typealias Job = @Sendable () async -> Void

    private let jobs = BoundedQueue<Job>(limit: 1024)

    /// Queues `job`; it is dropped when the queue has ended.
    func add(_ job: @escaping Job) async {
        try? await jobs.send(job)
    }

    /// Takes no more jobs; ``run()`` returns when the running ones are done.
    func finish() {
        jobs.finish()
    }

    /// Runs jobs, each in its own task, until ``finish()`` or cancellation, which also cancels them.
    func run() async {
        await withDiscardingTaskGroup { group in
            while let job = try? await jobs.next() {
                group.addTask { await job() }
            }
        }
    }
}
