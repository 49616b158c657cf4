package import FoundationEssentials

extension Date {
    /// The moment as RFC 3339 says it, in UTC: `2026-11-29T17:36:13Z`, or with milliseconds `…13.042Z`. Lists of servers have
    /// thousands of them, and Foundation's format takes a calendar for each.
    package func rfc3339(milliseconds: Bool) -> String {
        let scaled = (timeIntervalSince1970 * 1000).rounded()
        // Years 1 to 9999; what lies beyond them has no such text, and none of it comes here.
        guard scaled >= -62_135_596_800_000, scaled < 253_402_300_800_000 else {
            return formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: milliseconds))
        }
        let time = Int(scaled)
        let (days, rest) = Self.floored(time, by: 86_400_000)
        let (year, month, day) = Self.civil(days)
        var text: [UInt8] = []
        text.reserveCapacity(24)
        func append(_ value: Int, _ digits: Int, _ end: Unicode.Scalar) {
            var divisor = 1
            for _ in 1..<digits { divisor *= 10 }
            while divisor > 0 {
                text.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
                divisor /= 10
            }
            text.append(UInt8(ascii: end))
        }
        append(year, 4, "-")
        append(month, 2, "-")
        append(day, 2, "T")
        append(rest / 3_600_000, 2, ":")
        append(rest / 60_000 % 60, 2, ":")
        append(rest / 1000 % 60, 2, milliseconds ? "." : "Z")
        if milliseconds { append(rest % 1000, 3, "Z") }
        return String(decoding: text, as: UTF8.self)
    }

    private static func floored(_ value: Int, by divisor: Int) -> (quotient: Int, rest: Int) {
        let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
    }

    /// The Gregorian date of a day since 1970, counted in eras of 400 years that begin in March.
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = floored(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}
