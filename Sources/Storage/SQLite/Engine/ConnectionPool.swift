import Primitives

/// Threads with one connection each, and the work that waits for them, first come first served. What SQLite does, it
/// does there: nobody who asks is held up, but by ``wait(_:)`` and ``close(farewell:)``.
///
/// A thread starts when work waits that no other is free for, and opens its connection for its first work; so a pool of
/// four readers that are asked one thing at a time is one thread.
final class ConnectionPool: Sendable {
    /// Why work was not taken.
    enum Refusal: Error, Equatable {
        case closed
        /// As much waits as may wait.
        case full
        /// The system gave no thread.
        case noThread
    }

    private struct Job: Sendable {
        let number: UInt64
        let run: Work
    }

    /// Called once, on a thread of the pool, or with a failure on any thread. What it returns tells the caller: to be
    /// called when the thread is free again.
    private typealias Work = @Sendable (Result<Connection, any Error>) -> @Sendable () -> Void

    private struct State: Sendable {
        /// The oldest at the end. When it is empty, what came meanwhile takes its place.
        var next: [Job] = []
        /// The newest at the end.
        var later: [Job] = []
        var threads = 0
        var idle = 0
        var lastNumber: UInt64 = 0
        var isClosed = false
        var farewell: (@Sendable (Connection) -> Void)?

        var waitingCount: Int { next.count + later.count }

        mutating func takeNext() -> Job? {
            if next.isEmpty {
                next = later.reversed()
                later = []
            }
            return next.popLast()
        }

        mutating func takeAll() -> [Job] {
            defer { (next, later) = ([], []) }
            return next.reversed() + later
        }

        mutating func withdraw(_ number: UInt64) -> Job? {
            if let index = next.firstIndex(where: { $0.number == number }) { return next.remove(at: index) }
            if let index = later.firstIndex(where: { $0.number == number }) { return later.remove(at: index) }
            return nil
        }
    }

    private let state = Monitor(State())
    private let size: Int
    private let limit: Int
    private let open: @Sendable () throws -> Connection

    /// How much may wait for the threads of a pool. Callers have their own, lower limits; this one keeps memory bounded
    /// when those fail.
    static let waitingLimit = 16_384

    /// - Parameters:
    ///   - size: how many threads there may be.
    ///   - limit: how much work may wait besides that which runs.
    ///   - open: makes the connection of a thread, on it.
    init(size: Int, limit: Int = waitingLimit, open: @escaping @Sendable () throws -> Connection) {
        self.size = size
        self.limit = limit
        self.open = open
    }

    deinit { stop(farewell: nil) }

    /// Does the work on a thread of the pool, also when the asking task is cancelled meanwhile.
    func run<Value: Sendable>(_ body: @escaping @Sendable (Connection) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            submit { connection in
                let result = Result { try body(connection.get()) }
                return { continuation.resume(with: result) }
            }
        }
    }

    /// As ``run(_:)``, but work that waits is given up at once when the task is cancelled; that which runs is told by
    /// its ``Cancellation``.
    func runCancellable<Value: Sendable>(
        _ body: @escaping @Sendable (Connection, Cancellation) throws -> Value
    ) async throws -> Value {
        let cancellation = Cancellation()
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                submit(number: number) { connection in
                    let result = Result { try body(connection.get(), cancellation) }
                    return { continuation.resume(with: result) }
                }
                // Whoever cancelled before may not have found it.
                if cancellation.isCancelled { withdraw(number) }
            }
        } onCancel: {
            cancellation.cancel()
            withdraw(number)
        }
    }

    /// Does the work on a thread of the pool and blocks the calling one meanwhile. For the start and the end.
    func wait<Value: Sendable>(_ body: @escaping @Sendable (Connection) throws -> Value) throws -> Value {
        let result = Monitor<Result<Value, any Error>?>(nil)
        submit { connection in
            let value = Result { try body(connection.get()) }
            return {
                result.withLock { $0 = value }
                result.wakeAll()
            }
        }
        return try result.wait { $0 }.get()
    }

    /// How many threads there are.
    var threadCount: Int { state.withLock { $0.threads } }

    /// How much waits for a thread.
    var waitingCount: Int { state.withLock { $0.waitingCount } }

    /// Takes no more work, and blocks until all that was taken is done and all connections are closed.
    /// - Parameter farewell: the last that each open connection does.
    func close(farewell: @escaping @Sendable (Connection) -> Void) {
        stop(farewell: farewell)
        state.wait { $0.threads == 0 ? () : nil }
    }

    /// As ``close(farewell:)``, without waiting for it.
    func stop(farewell: (@Sendable (Connection) -> Void)?) {
        state.withLock { state in
            guard !state.isClosed else { return }
            state.isClosed = true
            state.farewell = farewell
        }
        state.wakeAll()
    }
}

// MARK: Work

extension ConnectionPool {
    private func submit(number: UInt64 = 0, _ run: @escaping Work) {
        let (refusal, needsThread) = state.withLock { state -> (Refusal?, Bool) in
            if state.isClosed { return (.closed, false) }
            if state.waitingCount >= limit { return (.full, false) }
            state.later.append(Job(number: number, run: run))
            guard state.waitingCount > state.idle, state.threads < size else { return (nil, false) }
            state.threads += 1
            return (nil, true)
        }
        if let refusal { return run(.failure(refusal))() }
        if needsThread { startThread() } else { state.wakeOne() }
    }

    private func withdraw(_ number: UInt64) {
        state.withLock { $0.withdraw(number) }?.run(.failure(CancellationError()))()
    }

    private func startThread() {
        // Only what outlives the pool: a thread must not keep alive who could end it.
        let (state, open) = (state, open)
        if DetachedThread.start({ Self.work(state, open: open) }) == 0 { return }
        // The other threads, if there are any, do the work.
        let abandoned = state.withLock { state -> [Job] in
            state.threads -= 1
            return state.threads == 0 ? state.takeAll() : []
        }
        state.wakeAll()
        for job in abandoned { job.run(.failure(Refusal.noThread))() }
    }

    /// A thread's life: one job after the other, until the pool is closed and nothing waits.
    private static func work(_ state: Monitor<State>, open: @Sendable () throws -> Connection) {
        var connection: Connection?
        var isCounted = false
        while let job = next(state, isCounted: isCounted) {
            let tell = job.run(
                Result {
                    if let connection { return connection }
                    let opened = try open()
                    connection = opened
                    return opened
                })
            // A transaction that could not even be taken back must not swallow those that follow.
            if let stuck = connection, stuck.isInTransaction {
                try? stuck.close()
                connection = nil
            }
            // Before the caller knows: it may have more work at once, which needs no other thread.
            state.withLock { $0.idle += 1 }
            isCounted = true
            tell()
        }
        if let connection {
            state.withLock { $0.farewell }?(connection)
            try? connection.close()
        }
        state.withLock { $0.threads -= 1 }
        state.wakeAll()
    }

    /// Sleeps until there is work; `nil` when there will be none any more.
    /// - Parameter isCounted: whether this thread is among the idle ones already.
    private static func next(_ state: Monitor<State>, isCounted: Bool) -> Job? {
        var isCounted = isCounted
        return state.wait { state -> Job?? in
            if isCounted { state.idle -= 1 }
            isCounted = false
            if let job = state.takeNext() { return job }
            if state.isClosed { return .some(nil) }
            state.idle += 1
            isCounted = true
            return nil
        }
    }
}
