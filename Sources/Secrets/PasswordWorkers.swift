import Dispatch
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The few threads that hash passwords, apart from Swift's cooperative pool, which must never block.
///
/// The number of threads bounds memory (64 MiB each) and leaves processors for everything else during a flood of
/// log-ins. Waiting jobs are in order of arrival; a job whose task was cancelled while waiting is skipped.
final class PasswordWorkers: Sendable {
    static let shared = PasswordWorkers(count: max(1, min(4, sysconf(Int32(_SC_NPROCESSORS_ONLN)) / 2)))

    private let queues: [DispatchQueue]
    private let next = Atomic<Int>(0)

    init(count: Int) {
        queues = (0..<count).map { DispatchQueue(label: "secrets.password.\($0)") }
    }

    /// - Returns: `nil` when the task was cancelled before the job's turn came.
    @discardableResult
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
