import Dispatch
import Glibc
import Synchronization

/// The few threads that hash passwords, apart from Swift's cooperative pool, which must never block.
///
/// The number of threads bounds memory (64 MiB each) and leaves processors for everything else during a flood of
/// log-ins. Waiting jobs are in order of arrival; a job whose task was cancelled while waiting is skipped. Of the jobs
/// that anybody can ask for, not more than a few seconds of work are taken on, since nobody would wait for their end.
final class PasswordWorkers: Sendable {
    static let shared = PasswordWorkers(
        count: max(1, min(4, sysconf(Int32(_SC_NPROCESSORS_ONLN)) / 2)), waitingPerThread: 32)

    private let queues: [DispatchQueue]
    private let next = Atomic<Int>(0)
    private let taken = Atomic<Int>(0)
    private let capacity: Int

    /// - Parameter waitingPerThread: how many jobs may wait for each thread, besides the one that runs.
    init(count: Int, waitingPerThread: Int) {
        queues = (0..<count).map { DispatchQueue(label: "secrets.password.\($0)") }
        capacity = count * (1 + waitingPerThread)
    }

    /// Jobs of ``runIfRoom(_:)`` that run or wait now.
    var load: Int { taken.load(ordering: .relaxed) }

    /// As ``run(_:)``, for work that a stranger can ask for.
    /// - Throws: ``SecretsError/busy`` when too many jobs wait; this one is not run then.
    @discardableResult
    func runIfRoom<Value: Sendable>(_ job: @escaping @Sendable () -> Value) async throws(SecretsError) -> Value? {
        guard taken.wrappingAdd(1, ordering: .relaxed).newValue <= capacity else {
            taken.wrappingSubtract(1, ordering: .relaxed)
            throw .busy
        }
        defer { taken.wrappingSubtract(1, ordering: .relaxed) }
        return await run(job)
    }

    /// - Returns: `nil` when the task was cancelled before the job's turn came.
    func run<Value: Sendable>(_ job: @escaping @Sendable () -> Value) async -> Value? {
        let cancelled = CancellationFlag()
        // Jobs cost about the same, so taking turns spreads them evenly.
        let turn = next.wrappingAdd(1, ordering: .relaxed).oldValue
        let queue = queues[Int(UInt(bitPattern: turn) % UInt(queues.count))]
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                queue.async {
                    continuation.resume(returning: cancelled.isSet ? nil : job())
                }
            }
        } onCancel: {
            cancelled.set()
        }
    }
}

private final class CancellationFlag: Sendable {
    private let value = Atomic<Bool>(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}
