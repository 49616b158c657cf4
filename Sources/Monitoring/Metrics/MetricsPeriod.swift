/// How far back a history goes, and how fine it is (`engines.md` 2).
package enum MetricsPeriod: String, Sendable, CaseIterable {
    case day = "1d"
    case week = "7d"
    case month = "30d"

    /// Seconds.
    package var length: Int64 {
        switch self {
        case .day: 86_400
        case .week: 7 * 86_400
        case .month: 30 * 86_400
        }
    }

    /// Seconds of one bucket.
    package var step: Int64 {
        switch self {
        case .day: 30
        case .week: 1800
        case .month: 7200
        }
    }

    /// What a query may say; nothing is a day.
    package init?(query: String?) {
        guard let query, !query.isEmpty else {
            self = .day
            return
        }
        self.init(exactly: query)
    }
}
