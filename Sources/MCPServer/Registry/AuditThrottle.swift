import Synchronization

import struct FoundationEssentials.Date

/// Keeps what can be repeated at will from filling the audit log: at most so many rows per key and minute
/// (`mcp.md` 7.7). The key is an address for requests that nobody answers for, else the token.
final class AuditThrottle<Key: Hashable & Sendable>: Sendable {
    private struct Window {
        var began: Date
        var rows: Int
    }

    private struct State {
        var windows: [Key: Window] = [:]
        var pruned = Date.distantPast
    }

    private let state = Mutex(State())
    private let rowsPerMinute: Int

    init(rowsPerMinute: Int = AuditThrottling.rowsPerMinute) { self.rowsPerMinute = rowsPerMinute }

    /// Whether a row may be written now. Without a key it always may.
    func allows(_ key: Key?, at now: Date) -> Bool {
        guard let key else { return true }
        return state.withLock { state in
            if now.timeIntervalSince(state.pruned) >= AuditThrottling.minute {
                state.windows = state.windows.filter {
                    now.timeIntervalSince($0.value.began) < AuditThrottling.minute
                }
                state.pruned = now
            }
            if let window = state.windows[key], now.timeIntervalSince(window.began) < AuditThrottling.minute {
                guard window.rows < rowsPerMinute else { return false }
                state.windows[key]?.rows += 1
                return true
            }
            guard state.windows[key] != nil || state.windows.count < AuditThrottling.capacity else { return false }
            state.windows[key] = Window(began: now, rows: 1)
            return true
        }
    }

    var count: Int { state.withLock { $0.windows.count } }
}

/// Rows of calls by callers that nobody knows: a few for each address, and so many of all addresses together,
/// as whoever owns a network owns addresses without number.
final class GuestRowThrottle: Sendable {
    /// Of all addresses together.
    static let rowsPerMinute = 300

    private let addresses = AuditThrottle<String>()
    private let everybody = AuditThrottle<Bool>(rowsPerMinute: rowsPerMinute)

    /// Whether a row may be written now; calls without an address count as one address.
    func allows(_ address: String, at now: Date) -> Bool {
        addresses.allows(address, at: now) && everybody.allows(true, at: now)
    }
}

/// The limits of every ``AuditThrottle``.
enum AuditThrottling {
    static let rowsPerMinute = 5
    /// Keys remembered at most; beyond it new ones leave no row until old ones are a minute old.
    static let capacity = 10_000

    fileprivate static let minute: Double = 60
}
