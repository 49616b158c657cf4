import FoundationEssentials

extension SQLValue {
    /// Unix milliseconds, as in every column of times.
    static func date(_ date: Date) -> SQLValue { .integer(date.storedMilliseconds) }

    /// Numbers as a JSON array, for `json_each`.
    static func numbers(_ numbers: [Int64]) -> SQLValue {
        .text("[\(numbers.map { String($0) }.joined(separator: ","))]")
    }
}
