import CUV

/// What holds a handle of a loop open, and closes it when the loop is stopped.
package class LoopResource {
    init() {}

    func loopStops(on loop: isolated EventLoop) {}
}

/// What has something to do once everything of a turn has run (``EventLoop/atEndOfTurn(_:)``).
package protocol TurnEnding: AnyObject {
    func turnEnds(on loop: isolated EventLoop)
}

private final class EndOfTurn: TurnEnding {
    private let action: () -> Void

    init(_ action: @escaping () -> Void) { self.action = action }

    func turnEnds(on loop: isolated EventLoop) { action() }
}

/// What a loop has in C's memory.
@safe private final class LoopMemory {
    /// Lent to libuv for each read, so that an idle connection holds none.
    let readBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
    let timer = UnsafeMutablePointer<uv_timer_t>.allocate(capacity: 1)

    deinit {
        unsafe readBuffer.deallocate()
        unsafe timer.deallocate()
    }
}

/// The home of connections: what is isolated to it happens on its one thread.
///
/// Functions of connections take it as `on loop: isolated EventLoop`.
@safe package actor EventLoop {
    package nonisolated let executor = LoopExecutor()
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    private let memory = LoopMemory()
    private var timers = TimerList<() -> Void>()
    private var endOfTurn: [any TurnEnding] = []
    /// Those whose turn is ending; the memory of both lists is kept.
    private var ending: [any TurnEnding] = []
    private var sleepers: [UInt64: (CheckedContinuation<Void, Never>, Timer)] = [:]
    private var sleeperCount: UInt64 = 0
    private var isStopping = false
    private nonisolated let life = Lock(Life())

    /// How many members of a turn's end memory is kept for.
    private static let keptPlaces = 1024

    private struct Life {
        var isStarted = false
        var isStopping = false
        var hasEnded = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    package init() {
        unsafe uv_timer_init(executor.uv, memory.timer)
        unsafe memory.timer.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    // MARK: Life

    /// Begins to run the loop, which holds itself until ``stop()``. Once only. From then on a broken pipe does not end
    /// the process: libuv's writes would.
    package nonisolated func start() {
        Signals.ignoreBrokenPipes()
        life.withLock {
            precondition(!$0.isStarted, "a loop is started once")
            $0.isStarted = true
        }
        executor.endTurn = { self.enter(()) { _, loop in loop.endTurn() } }
        executor.afterBriefPoll = { self.enter(()) { _, loop in loop.expire() } }
        executor.start { self.ended() }
    }

    /// Closes what is still open on a started loop, wakes who sleeps, and ends its thread. Timers do not strike any
    /// more. Not to be called from the loop itself.
    package nonisolated func stop() async {
        let isFirst = life.withLock { life in
            defer { life.isStopping = true }
            return !life.isStopping
        }
        if isFirst { await beginStop() }
        await withCheckedContinuation { continuation in
            let hasEnded = life.withLock { life in
                if !life.hasEnded { life.waiters.append(continuation) }
                return life.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    private func beginStop() {
        isStopping = true
        closeResources()
        for number in sleepers.keys { wakeSleeper(number) }
        timers.removeAll()
        unsafe uv_close(UnsafeMutableRawPointer(memory.timer).assumingMemoryBound(to: uv_handle_t.self), nil)
        executor.stop()
    }

    /// Only connections and listeners have handles of these types.
    private func closeResources() {
        unsafe uv_walk(
            executor.uv,
            { handle, loop in
                let type = unsafe uv_handle_get_type(handle)
                guard type == UV_TCP || type == UV_POLL || type == UV_SIGNAL, unsafe uv_is_closing(handle) == 0 else {
                    return
                }
                let owner = unsafe Unmanaged<LoopResource>.fromOpaque(handle!.pointee.data).takeUnretainedValue()
                let loop = unsafe Unmanaged<EventLoop>.fromOpaque(loop!).takeUnretainedValue()
                loop.enter(owner) { owner, loop in owner.loopStops(on: loop) }
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private nonisolated func ended() {
        // Lets go of the loop, which may have late jobs.
        executor.endTurn = { [weak self] in self?.enter(()) { _, loop in loop.endTurn() } }
        executor.afterBriefPoll = {}
        let waiters = life.withLock { life in
            life.hasEnded = true
            defer { life.waiters = [] }
            return life.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    // MARK: Turns

    /// Does something on the loop, and comes back with its result.
    package func run<Success: Sendable>(
        _ body: @Sendable (isolated EventLoop) async throws -> Success
    ) async rethrows -> Success {
        try await body(self)
    }

    /// Does something at once where the caller is on the loop already. Costs less than ``run(_:)``, which looks for the way
    /// to the loop each time.
    /// - Returns: whether it was done.
    package nonisolated func runIfCurrent(_ body: (isolated EventLoop) -> Void) -> Bool {
        guard executor.isCurrent else { return false }
        withoutActuallyEscaping(body) { body in
            // As in ``enter(_:_:)``.
            unsafe unsafeBitCast(body, to: ((EventLoop) -> Void).self)(self)
        }
        return true
    }

    /// Does something on the loop soon, in the order of the calls from one thread.
    package nonisolated func perform(_ body: @escaping @Sendable (isolated EventLoop) -> Void) {
        Task(executorPreference: executor) { await body(self) }
    }

    /// Whether ``stop()`` has begun: no socket can be opened here any more.
    package var isStopped: Bool { isStopping }

    /// Does something once everything that is ready has run, before the loop waits for more.
    package func atEndOfTurn(_ action: @escaping () -> Void) { atEndOfTurn(EndOfTurn(action)) }

    /// As ``atEndOfTurn(_:)-(()->Void)``, for what has something to do at the end of most turns: it costs no memory.
    package func atEndOfTurn(_ member: any TurnEnding) { endOfTurn.append(member) }

    /// Waits until everything that is ready has run, and what was to be done at the end of the turn.
    package func turn() async {
        await withCheckedContinuation { continuation in atEndOfTurn { continuation.resume() } }
    }

    private func endTurn() {
        while !endOfTurn.isEmpty {
            swap(&endOfTurn, &ending)
            for member in ending { member.turnEnds(on: self) }
            ending.removeAll(keepingCapacity: ending.count <= Self.keptPlaces)
        }
    }

    // MARK: Time

    /// Milliseconds on a clock that only goes forward, read once a turn.
    package var now: UInt64 { unsafe uv_now(executor.uv) }

    package typealias Timer = TimerList<() -> Void>.Token

    /// Does something later, unless it is cancelled. Before it does, the sockets are looked at once more: after a stall
    /// of the loop a deadline is due although what it waits for has come.
    package func schedule(after milliseconds: UInt64, _ action: @escaping () -> Void) -> Timer {
        let (sum, overflows) = now.addingReportingOverflow(milliseconds)
        let deadline = overflows ? .max : sum
        let isNext = timers.nextDeadline.map { deadline < $0 } ?? true
        let token = timers.add(at: deadline, action)
        if isNext { setTimer() }
        return token
    }

    package func cancel(_ token: Timer) { timers.cancel(token) }

    /// Waits on the loop's timers, as `Task.sleep` does not keep to a task's executor.
    /// - Throws: `CancellationError`, at once when the task is cancelled.
    package func sleep(milliseconds: UInt64) async throws {
        sleeperCount += 1
        let number = sleeperCount
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                addSleeper(number, continuation, for: milliseconds)
            }
        } onCancel: {
            Task(executorPreference: executor) { await self.wakeSleeper(number) }
        }
        try Task.checkCancellation()
    }

    private func addSleeper(_ number: UInt64, _ sleeper: CheckedContinuation<Void, Never>, for milliseconds: UInt64) {
        if Task.isCancelled || isStopping { return sleeper.resume() }
        let timer = schedule(after: milliseconds) { self.wakeSleeper(number) }
        sleepers[number] = (sleeper, timer)
    }

    var sleeperCountForTests: Int { sleepers.count }

    private func wakeSleeper(_ number: UInt64) {
        guard let (continuation, timer) = sleepers.removeValue(forKey: number) else { return }
        cancel(timer)
        continuation.resume()
    }

    private func setTimer() {
        guard let deadline = timers.nextDeadline, !isStopping else { return }
        unsafe uv_timer_start(
            memory.timer,
            { timer in
                let loop = unsafe Unmanaged<EventLoop>.fromOpaque(timer!.pointee.data).takeUnretainedValue()
                loop.executor.pollBriefly()
            }, deadline > now ? deadline - now : 0, 0)
    }

    private func expire() {
        while let action = timers.removeExpired(at: now) { action() }
        setTimer()
    }

    // MARK: libuv

    /// The one way in for C callbacks. libuv calls back on its loop's thread, so what happens here is isolated to it.
    ///
    /// As `assumeIsolated`, which asks the runtime for the thread's executor at each call: that the thread is this one's is
    /// all that there is to know here.
    /// - Parameter body: captures nothing, so that a call costs no memory.
    nonisolated func enter<Argument>(_ argument: Argument, _ body: @escaping (Argument, isolated EventLoop) -> Void) {
        precondition(executor.isCurrent, "not on the loop")
        // The types differ by who may call, which has just been looked at, and by nothing in memory.
        unsafe unsafeBitCast(IsolatedBody(run: body), to: Body<Argument>.self).run(argument, self)
    }

    private struct IsolatedBody<Argument> {
        let run: (Argument, isolated EventLoop) -> Void
    }

    private struct Body<Argument> {
        let run: (Argument, EventLoop) -> Void
    }

    func lend(_ buffer: UnsafeMutablePointer<uv_buf_t>) {
        unsafe buffer.pointee.base = memory.readBuffer.baseAddress!.assumingMemoryBound(to: CChar.self)
        unsafe buffer.pointee.len = memory.readBuffer.count
    }
}
