import FoundationEssentials

/// Its key is (ip, identifier); the caller brings it.
extension StrikeRecord: StoredRow {
    static let table = Table(
        "waf_strikes", blank: StrikeRecord(ip: "", identifier: 0, count: 0, reason: .manual, lastAt: .distantPast))

    mutating func code(_ columns: inout some ColumnCoder) throws {
        try columns.column("ip", &ip)
        try columns.column("identifier", &identifier)
        try columns.column("count", &count)
        try columns.column("reason", &reason, as: Choice.self)
        try columns.column("last_at", &lastAt)
    }
}
