package import Logging
package import Storage
import Synchronization

package import struct FoundationEssentials.Date

/// The web application firewall's memory (`engines.md` 9): who failed how often from where.
///
/// Asked at every request, so it lives in memory; the storage only lets it survive a restart. An address that is not
/// known (`nil`) is never struck and never blocked.
package final class StrikeBook: Sendable {
    package static let agentIdentifier: Int64 = -127
    package static let tokenIdentifier: Int64 = -126
    package static let unknownUserIdentifier: Int64 = -125
    package static let manualIdentifier: Int64 = -124

    private struct Entry {
        /// By identifier.
        var strikes: [Int64: StrikeRecord] = [:]

        var blockedUntil: Date {
            let sum = strikes.values.reduce(0) { $0 + $1.count }
            let last = strikes.values.map(\.lastAt).max() ?? .distantPast
            let power = Double(min(sum, 100_000))
            return last.addingTimeInterval(max(power * power * power * power, 3))
        }
    }

    /// A block that holds.
    package struct Block: Sendable, Hashable {
        /// Whole seconds until it ends, at least 1 and at most a year.
        package var seconds: Int
        /// An administrator wants it; not even a token of the address helps.
        package var isByHand: Bool
    }

    /// What a row has that somebody blocked by hand: as good as for ever.
    private static let manualCount: Int64 = 99_999

    private enum Change {
        case put(StrikeRecord)
        case delete(ip: String, identifier: Int64)
        case forget(ips: [String])
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let repository: any StrikeRepository
    private let logger: Logger
    private let now: @Sendable () -> Date
    private let changes: AsyncStream<Change>
    private let queue: AsyncStream<Change>.Continuation

    /// Addresses kept at most; beyond it the oldest quarter goes.
    private static let capacity = 100_000

    package init(
        repository: any StrikeRepository, logger: Logger, now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.repository = repository
        self.logger = logger
        self.now = now
        // Only the newest state of a row matters, and rows lost here only shorten a block after a restart.
        (changes, queue) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(10_000))
    }

    /// Reads the strikes of former runs.
    package func load() async throws {
        let rows = try await repository.strikes()
        entries.withLock { entries in
            for row in rows { entries[row.ip, default: Entry()].strikes[row.identifier] = row }
        }
    }

    package func isBlocked(ip: String?) -> Bool { block(ip: ip) != nil }

    /// The block of an address; `nil` for one that is free.
    package func block(ip: String?) -> Block? {
        guard let ip else { return nil }
        let date = now()
        return entries.withLock { entries in
            guard let entry = entries[ip] else { return nil }
            let rest = entry.blockedUntil.timeIntervalSince(date)
            guard rest > 0 else { return nil }
            return Block(
                seconds: Int(min(rest, 365 * 86_400).rounded(.up)),
                isByHand: entry.strikes[Self.manualIdentifier] != nil)
        }
    }

    package func strike(ip: String?, identifier: Int64, reason: StrikeRecord.Reason) {
        guard let ip else { return }
        let date = now()
        let row = entries.withLock { entries in
            if entries.count >= Self.capacity, entries[ip] == nil { Self.makeRoom(in: &entries) }
            var row =
                entries[ip]?.strikes[identifier]
                ?? StrikeRecord(ip: ip, identifier: identifier, count: 0, reason: reason, lastAt: date)
            row.count += 1
            row.reason = reason
            row.lastAt = date
            entries[ip, default: Entry()].strikes[identifier] = row
            return row
        }
        queue.yield(.put(row))
    }

    /// Forgives what this identity did from this address.
    package func clear(ip: String?, identifier: Int64) {
        guard let ip else { return }
        let existed = entries.withLock { entries in
            guard entries[ip]?.strikes.removeValue(forKey: identifier) != nil else { return false }
            if entries[ip]?.strikes.isEmpty ?? false { entries[ip] = nil }
            return true
        }
        if existed { queue.yield(.delete(ip: ip, identifier: identifier)) }
    }

    /// Blocks an address until it is forgiven.
    package func blockByHand(ip: String) {
        let row = StrikeRecord(
            ip: ip, identifier: Self.manualIdentifier, count: Self.manualCount, reason: .manual, lastAt: now())
        entries.withLock { entries in
            if entries.count >= Self.capacity, entries[ip] == nil { Self.makeRoom(in: &entries) }
            entries[ip, default: Entry()].strikes[row.identifier] = row
        }
        queue.yield(.put(row))
    }

    /// Forgives everything that came from these addresses.
    package func forget(ips: [String]) {
        let known = entries.withLock { entries in ips.filter { entries.removeValue(forKey: $0) != nil } }
        if !known.isEmpty { queue.yield(.forget(ips: known)) }
    }

    /// All strikes, the newest first.
    package var newestFirst: [StrikeRecord] {
        entries.withLock { entries in entries.values.flatMap(\.strikes.values) }.sorted { a, b in
            a.lastAt != b.lastAt ? a.lastAt > b.lastAt : (a.ip, a.identifier) < (b.ip, b.identifier)
        }
    }

    /// Writes changes until the surrounding task is cancelled, and then those that wait.
    package func run() async {
        for await change in changes {
            do {
                switch change {
                case .put(let row): try await repository.put(row)
                case .delete(let ip, let identifier): try await repository.delete(ip: ip, identifier: identifier)
                case .forget(let ips): try await repository.delete(ips: ips)
                }
            } catch {
                logger.warning("strike not written", metadata: ["error": "\(error)"])
            }
        }
    }

    private static func makeRoom(in entries: inout [String: Entry]) {
        let byAge = entries.sorted { $0.value.blockedUntil < $1.value.blockedUntil }
        for (ip, _) in byAge.prefix(capacity / 4) { entries[ip] = nil }
    }
}
