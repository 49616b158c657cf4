/// A span of time as Go writes it, such as `1h30m`: what stored schedules and configurations in the field hold.
package enum GoDuration {
    /// - Throws: ``ScheduleError`` with Go's own words.
    package static func parse(_ text: String) throws(ScheduleError) -> Duration {
        var rest = Array(text.utf8)[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        if rest.elementsEqual("0".utf8) { return .zero }
        guard !rest.isEmpty else { throw invalid(text) }
        // Nanoseconds; Go has room for 290 years.
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { isDigit($0) || $0 == UInt8(ascii: ".") }
            rest = rest.dropFirst(number.count)
            guard number.contains(where: isDigit), let value = Double(String(decoding: number, as: UTF8.self)) else {
                throw invalid(text)
            }
            let unit = rest.prefix { !isDigit($0) && $0 != UInt8(ascii: ".") }
            rest = rest.dropFirst(unit.count)
            guard !unit.isEmpty else { throw ScheduleError("time: missing unit in duration \(quoted(text))") }
            let name = String(decoding: unit, as: UTF8.self)
            guard let length = units.first(where: { $0.name.utf8.elementsEqual(unit) })?.nanoseconds else {
                throw ScheduleError("time: unknown unit \(quoted(name)) in duration \(quoted(text))")
            }
            total += value * length
            guard total <= Double(Int64.max / 2) else { throw invalid(text) }
        }
        return .nanoseconds(Int64(isNegative ? -total : total))
    }

    private static let units: [(name: String, nanoseconds: Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ]

    private static func invalid(_ text: String) -> ScheduleError {
        ScheduleError("time: invalid duration \(quoted(text))")
    }

    private static func quoted(_ text: String) -> String { "\"\(text)\"" }
    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
}

/// Why a text is no schedule; in the words that users of the reference know.
package struct ScheduleError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
