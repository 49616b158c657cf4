import CUV
import Glibc
import Synchronization

/// Runs jobs on one thread, between two polls of one libuv loop.
///
/// Unchecked: `uv`, `ready` and the handles are touched on the loop's own thread only, but for `uv_async_send`, which
/// libuv allows from anywhere while the handle is open (`foreign` says whether it is); the hooks are set before that
/// thread is started, or on it. Once it has ended its place is taken by one thread at a time (`isServed`).
@safe package final class LoopExecutor: SerialExecutor, TaskExecutor, @unchecked Sendable {
    /// Jobs that came from other threads.
    private struct Foreign {
        var jobs: [UnownedJob] = []
        /// Whether libuv's loop can be woken.
        var isOpen = true
        /// Whether a thread looks after the jobs.
        var isServed = true
    }

    /// How many jobs run before the sockets are looked at again, so that tasks which never pause starve nobody.
    private static let jobsATurn = 4096

    let uv = UnsafeMutablePointer<uv_loop_t>.allocate(capacity: 1)
    private let wake = UnsafeMutablePointer<uv_async_t>.allocate(capacity: 1)
    private let prepare = UnsafeMutablePointer<uv_prepare_t>.allocate(capacity: 1)
    private let check = UnsafeMutablePointer<uv_check_t>.allocate(capacity: 1)
    private let idle = UnsafeMutablePointer<uv_idle_t>.allocate(capacity: 1)
    private let foreign = Lock(Foreign())
    private let thread = Atomic<pthread_t>(0)
    private var ready: [UnownedJob] = []
    private var isStopping = false

    /// What is done once all jobs have run, before the loop polls; it may make others ready.
    var endTurn: @Sendable () -> Void = {}
    /// What is done after a poll that ``pollBriefly()`` asked for.
    var afterBriefPoll: @Sendable () -> Void = {}
    private var isPollingBriefly = false

    init() {
        unsafe uv_loop_init(uv)
        unsafe uv_async_init(uv, wake) { handle in unsafe LoopExecutor.of(handle!.pointee.data).takeForeign() }
        unsafe uv_prepare_init(uv, prepare)
        unsafe uv_prepare_start(prepare) { handle in unsafe LoopExecutor.of(handle!.pointee.data).drain() }
        unsafe uv_check_init(uv, check)
        unsafe uv_idle_init(uv, idle)
        let me = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe wake.pointee.data = me
        unsafe prepare.pointee.data = me
        unsafe check.pointee.data = me
        unsafe idle.pointee.data = me
    }

    deinit {
        unsafe wake.deallocate()
        unsafe prepare.deallocate()
        unsafe check.deallocate()
        unsafe idle.deallocate()
        unsafe uv.deallocate()
    }

    private static func of(_ data: UnsafeMutableRawPointer) -> LoopExecutor {
        unsafe Unmanaged<LoopExecutor>.fromOpaque(data).takeUnretainedValue()
    }

    // MARK: Life

    /// - Parameter ended: called on the loop's thread when libuv's loop is gone, after ``stop()``.
    func start(ended: @escaping @Sendable () -> Void) {
        startThreadSomeTime {
            self.thread.store(pthread_self(), ordering: .relaxed)
            unsafe uv_run(self.uv, UV_RUN_DEFAULT)
            self.runJobs()
            unsafe uv_loop_close(self.uv)
            ended()
            self.runLateJobs()
        }
    }

    /// Has the loop end when the handles of others are closed, too. On the loop only.
    func stop() {
        guard !isStopping else { return }
        isStopping = true
        foreign.withLock { $0.isOpen = false }
        unsafe close(wake)
        unsafe close(prepare)
        unsafe close(check)
        unsafe close(idle)
    }

    private func close(_ handle: UnsafeMutableRawPointer) {
        unsafe uv_close(handle.assumingMemoryBound(to: uv_handle_t.self), nil)
    }

    private func runJobs() {
        repeat {
            takeForeign()
            drain()
        } while !ready.isEmpty
    }

    /// A task may come back to a loop that was stopped: what it does there is still done, on a thread that is started
    /// for it.
    private func runLateJobs() {
        thread.store(pthread_self(), ordering: .relaxed)
        repeat {
            runJobs()
        } while !endService()
    }

    private func endService() -> Bool {
        foreign.withLock { foreign in
            guard foreign.jobs.isEmpty else { return false }
            foreign.isServed = false
            // Inside the section, before the next thread says that it is the one.
            thread.store(0, ordering: .relaxed)
            return true
        }
    }

    // MARK: Jobs

    package var isCurrent: Bool { thread.load(ordering: .relaxed) == pthread_self() }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent { return ready.append(job) }
        let needsThread = foreign.withLock { foreign in
            foreign.jobs.append(job)
            // Inside the section: the handle is not closed meanwhile.
            if foreign.jobs.count == 1, foreign.isOpen { unsafe uv_async_send(wake) }
            defer { foreign.isServed = true }
            return !foreign.isServed
        }
        if needsThread { startThreadSomeTime { self.runLateJobs() } }
    }

    package func isIsolatingCurrentContext() -> Bool? { isCurrent }
    package func checkIsolated() { precondition(isCurrent) }
    package func isSameExclusiveExecutionContext(other: LoopExecutor) -> Bool { self === other }

    private func takeForeign() {
        let jobs = foreign.withLock { foreign in
            defer { foreign.jobs.removeAll() }
            return foreign.jobs
        }
        ready += jobs
    }

    private func drain() {
        var budget = Self.jobsATurn
        repeat {
            var next = 0
            while next < ready.count, budget > 0 {
                let job = ready[next]
                next += 1
                budget -= 1
                unsafe job.runSynchronously(
                    isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
            }
            if next == ready.count {
                ready.removeAll(keepingCapacity: true)
            } else {
                ready.removeFirst(next)
            }
            endTurn()
        } while !ready.isEmpty && budget > 0
        if !ready.isEmpty, !isStopping { startIdle() }
    }

    // MARK: Polls that do not wait

    /// Looks at the sockets once without waiting, then calls ``afterBriefPoll``. On the loop only.
    func pollBriefly() {
        guard !isStopping, !isPollingBriefly else { return }
        isPollingBriefly = true
        startIdle()
    }

    /// An idle handle that is active keeps the poll from waiting.
    private func startIdle() {
        unsafe uv_idle_start(idle) { _ in }
        unsafe uv_check_start(check) { handle in unsafe LoopExecutor.of(handle!.pointee.data).polled() }
    }

    private func polled() {
        unsafe uv_idle_stop(idle)
        unsafe uv_check_stop(check)
        guard isPollingBriefly else { return }
        isPollingBriefly = false
        afterBriefPoll()
    }
}
