package import AgentLink
package import Logging
package import Storage
import Synchronization
package import TimeZones

package import struct FoundationEssentials.Date

/// Counts what servers transfer, hour by hour, for the rules that sum it up over cycles (`engines.md` 1 and 4).
package final class TrafficEngine: AgentEventSink, AgentResultSink {
    /// How often the hours are written; what a crash loses at most.
    static let interval = Duration.seconds(15)
    /// Rows that are written or deleted in one transaction, about: nobody else writes meanwhile.
    private static let piece = 500

    private let ledger = Mutex(TrafficLedger())
    private let rows: any ResourceRepository<TrafficHourForm>
    private let rules: any ResourceRepository<AlertRuleForm>
    /// Row ids by server and hour.
    private let stored = Mutex<[Int64: [Int64: Int64]]>([:])
    /// The day on which the hours were cleaned last.
    private let cleaned = Mutex<CivilTime?>(nil)
    private let roster: any Roster
    private let zone: Zone
    private let logger: Logger
    private let now: @Sendable () -> Date

    /// - Parameter zone: that of the hour at which what no rule needs is removed.
    package init(
        storage: Storage, roster: any Roster, zone: Zone, logger: Logger,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        rows = storage.rows(of: TrafficHourForm.self)
        rules = storage.rows(of: AlertRuleForm.self)
        self.roster = roster
        self.zone = zone
        self.logger = logger
        self.now = now
    }

    /// Reads the hours that are kept.
    package func load() async throws {
        let kept = try await rows.all()
        ledger.withLock { ledger in
            for row in kept {
                ledger.restore(
                    TrafficLedger.Hour(
                        server: row.form.serverID, start: row.form.hour, bytesIn: UInt64(clamping: row.form.bytesIn),
                        bytesOut: UInt64(clamping: row.form.bytesOut)))
            }
        }
        stored.withLock { stored in
            for row in kept { stored[row.form.serverID, default: [:]][row.form.hour] = row.id }
        }
    }

    package func reported(state: HostState, growth: TrafficGrowth, at time: Date, server id: Int64) {
        ledger.withLock {
            $0.add(
                server: id, bytesIn: growth.bytesIn, bytesOut: growth.bytesOut, at: Int64(time.timeIntervalSince1970))
        }
    }

    package func result(server: Int64, type: AgentTaskType, id: UInt64, reply: AgentTaskReply) {}

    /// Bytes of a server since an instant, Unix seconds.
    package func sum(of server: Int64, since instant: Int64) -> (bytesIn: UInt64, bytesOut: UInt64) {
        ledger.withLock { $0.sum(of: server, since: instant) }
    }

    /// Writes the hours until the surrounding task is cancelled, and then once more.
    package func run() async {
        await clean()
        repeat {
            await step()
            // Cancelled: the loop ends.
            try? await Task.sleep(for: Self.interval)
        } while !Task.isCancelled
        // The task is cancelled; what is left is written by one that is not.
        await Task { await store() }.value
    }

    /// Once; the tests' way to a moment.
    func step() async {
        await store()
        if isTimeToClean { await clean() }
    }

    private func store() async {
        let changed = ledger.withLock { $0.takeChanged() }
        for start in stride(from: 0, to: changed.count, by: Self.piece) {
            do {
                try await store(Array(changed[start...].prefix(Self.piece)))
            } catch {
                ledger.withLock { $0.markChanged(Array(changed[start...])) }
                return logger.warning("the traffic of servers was not stored", metadata: ["error": "\(error)"])
            }
        }
        await removeOfDeletedServers()
    }

    private func store(_ hours: [TrafficLedger.Hour]) async throws {
        let forms = stored.withLock { stored in
            hours.map { hour in
                (
                    id: stored[hour.server]?[hour.start],
                    form: TrafficHourForm(
                        serverID: hour.server, hour: hour.start, bytesIn: Int64(clamping: hour.bytesIn),
                        bytesOut: Int64(clamping: hour.bytesOut)),
                    at: Date(timeIntervalSince1970: Double(hour.start))
                )
            }
        }
        let ids = try await rows.save(forms, owner: 0)
        stored.withLock { stored in
            for (hour, id) in zip(hours, ids) { stored[hour.server, default: [:]][hour.start] = id }
        }
    }

    // MARK: Cleaning

    private var isTimeToClean: Bool {
        guard let day = cleaningDay else { return false }
        return cleaned.withLock { $0 } != day
    }

    /// Today, from 03:30 on.
    private var cleaningDay: CivilTime? {
        let time = zone.civil(at: Int64(now().timeIntervalSince1970))
        return time.hour > 3 || time.hour == 3 && time.minute >= 30 ? time.date : nil
    }

    /// Removes the hours that no cycle rule needs (``TrafficRetention``). When the rules cannot be read, none.
    func clean() async {
        let instant = Int64(now().timeIntervalSince1970)
        if let day = cleaningDay { cleaned.withLock { $0 = day } }
        do {
            let retention = TrafficRetention(try await rules.all().map(\.form), at: instant)
            var old: [Int64] = []
            for server in stored.withLock({ Array($0.keys) }) {
                let hours = ledger.withLock { $0.forget(server: server, before: retention.start(of: server)) }
                old += stored.withLock { stored in hours.compactMap { stored[server]?.removeValue(forKey: $0) } }
                // Nobody else writes while a piece is deleted.
                guard old.count >= Self.piece else { continue }
                try await rows.delete(ids: old) { _ in }
                old = []
            }
            if !old.isEmpty { try await rows.delete(ids: old) { _ in } }
        } catch is CancellationError {
            // The gateway ends.
        } catch {
            logger.warning("old traffic was not removed", metadata: ["error": "\(error)"])
        }
    }

    private func removeOfDeletedServers() async {
        let gone = stored.withLock { $0.filter { roster.server(id: $0.key) == nil } }
        guard !gone.isEmpty else { return }
        do {
            try await rows.delete(ids: gone.values.flatMap(\.values)) { _ in }
        } catch is CancellationError {
            return
        } catch {
            return logger.warning("the traffic of deleted servers was not removed", metadata: ["error": "\(error)"])
        }
        for server in gone.keys {
            stored.withLock { $0[server] = nil }
            ledger.withLock { $0.remove(server: server) }
        }
    }
}
