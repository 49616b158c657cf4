package import Logging
package import Secrets
package import Storage
import Synchronization

package import struct FoundationEssentials.Date

/// The audit log: takes rows without waiting, writes them in batches (`mcp.md` 5.6).
///
/// ``run()`` is the one writer; when it is cancelled it writes what is left. Up to ``capacity`` rows wait for it. When the
/// disk cannot keep up longer than that, rows are dropped and counted; the log tells when that begins, and how many they
/// were as soon as the disk is back.
package final class AuditLog: Sendable {
    private struct State {
        var waiting: ArraySlice<AuditRecord> = []
        /// Since the last line of the log about it.
        var dropped = 0
        var droppedEver = 0
        var lost = 0
        /// Rows ever taken, and rows ever written or given up, for ``flush()``.
        var taken = 0
        var settled = 0
        /// The program ends: a database that takes no rows is not waited for.
        var isEnding = false
        var flushes: [(upTo: Int, CheckedContinuation<Void, Never>)] = []

        /// The first of the rows that wait. The others stay where they are: whoever notes one waits for this.
        mutating func take(upTo limit: Int) -> [AuditRecord] {
            let rows = Array(waiting.prefix(limit))
            // An empty slice would keep the memory of all that it held.
            if waiting.count == rows.count { waiting = [] } else { waiting.removeFirst(rows.count) }
            return rows
        }
    }

    package static let capacity = 50_000
    private static let batch = 512
    /// How long the writer lets rows gather after the first, so that a busy gateway makes few large transactions.
    private static let gathering = Duration.milliseconds(20)

    private let repository: any AuditRepository
    private let logger: Logger
    private let digests: AuditDigests
    private let guests = GuestRowThrottle()
    private let now: @Sendable () -> Date
    private let state = Mutex(State())
    private let wake: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    /// - Parameter dataKey: `data_secret_key`; the digests in the rows are made under a key derived from it.
    package init(
        repository: any AuditRepository, logger: Logger, dataKey: SecretKey,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.repository = repository
        self.logger = logger
        digests = AuditDigests(dataKey: dataKey)
        self.now = now
        (wake, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Takes one row; never waits. Of calls that nobody answers for only so many a minute are kept
    /// (``GuestRowThrottle``).
    package func record(_ entry: AuditEntry) {
        let date = now()
        guard entry.hasIdentifiedCaller || guests.allows(entry.address, at: date) else { return }
        let row = entry.record(at: date, digests)
        let (isFirst, isFirstDropped) = state.withLock { state in
            state.taken += 1
            guard state.waiting.count < Self.capacity else {
                state.dropped += 1
                state.droppedEver += 1
                state.lost += 1
                state.settled += 1
                return (false, state.dropped == 1)
            }
            state.waiting.append(row)
            return (state.waiting.count == 1, false)
        }
        if isFirst { signal.yield() }
        if isFirstDropped {
            logger.error("audit rows are being dropped", metadata: ["waiting": "\(Self.capacity)"])
        }
    }

    /// Rows that never came to the database since the start: too many waited, or it refused them.
    package var lostRows: Int { state.withLock { $0.lost } }

    /// Rows that wait for the writer.
    package var waitingRows: Int { state.withLock { $0.waiting.count } }

    /// Rows of the lost ones for which there was no room.
    package var droppedRows: Int { state.withLock { $0.droppedEver } }

    /// Returns when every row taken so far is on disk (or was given up and logged). ``run()`` must be running.
    package func flush() async {
        await withCheckedContinuation { continuation in
            let done = state.withLock { state in
                if state.settled >= state.taken { return true }
                state.flushes.append((state.taken, continuation))
                return false
            }
            if done { continuation.resume() }
        }
    }

    /// Writes until the surrounding task is cancelled, then writes the rest. When the database does not take them then, they
    /// are given up at once: each try may take five seconds.
    package func run() async {
        await withTaskCancellationHandler {
            for await _ in wake {
                if state.withLock({ $0.flushes.isEmpty }) { try? await Task.sleep(for: Self.gathering) }
                await drainUncancelled(untilEmpty: false)
            }
        } onCancel: {
            state.withLock { $0.isEnding = true }
        }
        await drainUncancelled(untilEmpty: true)
    }

    /// A cancelled task may not use the database, so rows are written by one that nobody cancels.
    private func drainUncancelled(untilEmpty: Bool) async {
        await Task { await drain(untilEmpty: untilEmpty) }.value
    }

    /// Writes what waits. What comes meanwhile is left to gather as the first rows did, unless it fills a batch, or
    /// somebody waits for it: a transaction costs as much as many rows, and while calls keep coming there would be one
    /// for every few.
    private func drain(untilEmpty: Bool) async {
        while true {
            let (rows, dropped) = state.withLock { state in
                let rows = state.take(upTo: Self.batch)
                let dropped = state.dropped
                state.dropped = 0
                return (rows, dropped)
            }
            if dropped > 0 {
                logger.error("audit rows dropped: the database is too slow", metadata: ["rows": "\(dropped)"])
            }
            guard !rows.isEmpty else { return settle(0) }
            if await write(rows) {
                settle(rows.count)
            } else {
                giveUp(rows.count)
            }
            let (waiting, isAwaited) = state.withLock { ($0.waiting.count, !$0.flushes.isEmpty) }
            guard untilEmpty || isAwaited || waiting >= Self.batch else {
                // Only the first of those that wait wakes the writer by itself.
                if waiting > 0 { signal.yield() }
                return
            }
        }
    }

    /// - Returns: whether the database took them.
    private func write(_ rows: [AuditRecord]) async -> Bool {
        for attempt in 1...3 {
            do {
                try await repository.append(rows)
                return true
            } catch {
                logger.warning("audit rows not written", metadata: ["attempt": "\(attempt)", "error": "\(error)"])
                if state.withLock({ $0.isEnding }) { break }
                try? await Task.sleep(for: .milliseconds(200 * attempt))
            }
        }
        return false
    }

    /// Rows are lost that the database did not take; at the end of the program those that wait behind them as well.
    private func giveUp(_ count: Int) {
        let lost = state.withLock { state in
            let lost = count + (state.isEnding ? state.waiting.count : 0)
            if state.isEnding { state.waiting = [] }
            state.lost += lost
            return lost
        }
        logger.error("audit rows lost: the database refused them", metadata: ["rows": "\(lost)"])
        settle(lost)
    }

    private func settle(_ count: Int) {
        let ready = state.withLock { state in
            state.settled += count
            let ready = state.flushes.filter { $0.upTo <= state.settled }
            state.flushes.removeAll { $0.upTo <= state.settled }
            return ready
        }
        for (_, continuation) in ready { continuation.resume() }
    }
}
