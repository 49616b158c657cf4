import Synchronization

import struct Foundation.Date

/// Keeps guesses at transfer URLs from filling the audit log: at most so many rows per address and minute (`mcp.md` 7.7).
final class AnonymousAuditThrottle: Sendable {
    private struct Window {
        var began: Date
        var rows: Int
    }

    private struct State {
        var windows: [String: Window] = [:]
        var pruned = Date.distantPast
    }

    static let rowsPerMinute = 5
    /// Addresses remembered at most; beyond it new ones leave no row until old ones are a minute old.
    static let capacity = 10_000

    private static let minute: Double = 60

    private let state = Mutex(State())

    /// Whether a row may be written now. An unknown address always may.
    func allows(ip: String?, at now: Date) -> Bool {
        guard let ip, !ip.isEmpty else { return true }
        return state.withLock { state in
            if now.timeIntervalSince(state.pruned) >= Self.minute {
                state.windows = state.windows.filter { now.timeIntervalSince($0.value.began) < Self.minute }
                state.pruned = now
            }
            if let window = state.windows[ip], now.timeIntervalSince(window.began) < Self.minute {
                guard window.rows < Self.rowsPerMinute else { return false }
                state.windows[ip]?.rows += 1
                return true
            }
            guard state.windows[ip] != nil || state.windows.count < Self.capacity else { return false }
            state.windows[ip] = Window(began: now, rows: 1)
            return true
        }
    }

    var count: Int { state.withLock { $0.windows.count } }
}
