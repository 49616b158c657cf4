/// Which rows of a long list are wanted; an `Input` of the tools that show one (`rest-details.md` 1, pagination).
struct PageInput: Decodable, Sendable {
    static let defaultLimit: Int64 = 25

    private var limit: Int64?
    private var offset: Int64?

    /// Less than 1 counts as 25; there is no maximum.
    var count: Int64 { limit.flatMap { $0 < 1 ? nil : $0 } ?? Self.defaultLimit }
    /// Negative counts as 0.
    var first: Int64 { max(0, offset ?? 0) }

    /// The page of these rows.
    func page<Item: Encodable & Sendable, Row>(of rows: [Row], _ item: (Row) -> Item) -> Page<Item> {
        let start = Int(clamping: min(first, Int64(rows.count)))
        let end = start + Int(clamping: min(count, Int64(rows.count - start)))
        return Page(
            value: rows[start..<end].map(item),
            pagination: Pagination(offset: first, limit: count, total: Int64(rows.count)))
    }
}

/// Some rows of a long list.
struct Page<Item: Encodable & Sendable>: Encodable, Sendable {
    var value: [Item]
    var pagination: Pagination
}

struct Pagination: Encodable, Sendable {
    var offset: Int64
    var limit: Int64
    /// Of all rows.
    var total: Int64
}
