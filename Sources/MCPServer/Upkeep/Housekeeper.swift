package import Logging
import Primitives
package import Settings
package import Storage

package import struct FoundationEssentials.Date

/// Removes what is out of date: transfer URLs, sessions, tokens long expired, audit rows past retention
/// (`engines.md` 11, `mcp.md` 7.1, `rest-details.md` 2), and the oldest of more audit rows than the setting allows.
package struct Housekeeper: Sendable {
    private let storage: Storage
    private let transferURLs: TransferURLs
    private let settings: any SettingsStore
    private let logger: Logger
    private let now: @Sendable () -> Date
    private let localTime: @Sendable (Date) -> LocalHour

    /// An hour of the week as the configured zone has it.
    package struct LocalHour: Sendable, Hashable {
        /// 0 is Sunday.
        package var weekday: Int
        package var hour: Int

        package init(weekday: Int, hour: Int) {
            self.weekday = weekday
            self.hour = hour
        }

        /// - Parameter offset: seconds that the zone is east of UTC then.
        package init(_ date: Date, offset: Int) {
            let seconds = Int64(date.timeIntervalSince1970.rounded(.down)) + Int64(offset)
            let days = Int((Double(seconds) / 86_400).rounded(.down))
            // 1 January 1970 was a Thursday.
            weekday = ((days + 4) % 7 + 7) % 7
            hour = Int(seconds - Int64(days) * 86_400) / 3600
        }

        /// When the database is compacted: few are awake.
        static let ofCompaction = LocalHour(weekday: 0, hour: 4)
    }

    /// Expired tokens stay listed for this long, so that an owner sees why a script stopped.
    private static let expiredTokenGrace: Double = 30 * 86_400
    /// Audit rows that one statement deletes, so that no write waits long behind it.
    private static let purgeBatch = 5_000

    package init(
        storage: Storage, transferURLs: TransferURLs, settings: any SettingsStore, logger: Logger,
        now: @escaping @Sendable () -> Date = { Date() },
        localTime: @escaping @Sendable (Date) -> LocalHour = { LocalHour($0, offset: 0) }
    ) {
        self.storage = storage
        self.transferURLs = transferURLs
        self.settings = settings
        self.logger = logger
        self.now = now
        self.localTime = localTime
    }

    /// Works until the surrounding task is cancelled: URLs every minute, sessions and surplus audit rows every
    /// ten, the rest every day; on Sundays at four the database is compacted.
    package func run() async { await run(minute: .seconds(60)) }

    /// - Parameter minute: how long one takes; tests have shorter ones.
    func run(minute length: Duration) async {
        var minute = 0
        var hour = localTime(now())
        while !Task.isCancelled {
            _ = transferURLs.sweep()
            FreedMemory.giveBack()
            let before = hour
            hour = localTime(now())
            if hour != before, hour == .ofCompaction { await weekly() }
            if minute % 10 == 0 { await often() }
            if minute % 1440 == 0 { await daily() }
            minute += 1
            try? await Task.sleep(for: length)
        }
    }

    /// What is done every ten minutes.
    func often() async {
        await attempt("sessions") { _ = try await storage.sessions.purge(now: now()) }
        await attempt("audit rows") {
            let newest = settings.current.auditMaxRows
            while try await storage.audit.purge(allBut: newest, limit: Self.purgeBatch) == Self.purgeBatch {}
        }
    }

    /// What is done once a day.
    func daily() async {
        await attempt("tokens") {
            let before = now().addingTimeInterval(-Self.expiredTokenGrace)
            _ = try await storage.tokens.deleteExpired(before: before)
        }
        await attempt("audit rows") {
            let days = settings.current.auditRetentionDays
            let before = now().addingTimeInterval(-Double(days) * 86_400)
            while try await storage.audit.purge(before: before, limit: Self.purgeBatch) == Self.purgeBatch {}
        }
    }

    /// What is done once a week.
    func weekly() async {
        await attempt("free space") {
            let bytes = try await storage.upkeep.compact()
            logger.info("database compacted", metadata: ["bytes": "\(bytes)"])
        }
    }

    private func attempt(_ what: String, _ work: () async throws -> Void) async {
        do {
            try await work()
        } catch is CancellationError {
            return
        } catch {
            logger.warning("not cleaned up", metadata: ["what": "\(what)", "error": "\(error)"])
        }
    }
}
