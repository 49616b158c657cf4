import Glibc

/// Instants as log lines show them.
package enum LogTime {
    /// Milliseconds since 1970, now.
    package static func nowMilliseconds() -> Int64 {
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    /// `2026-01-31T10:00:00.123Z`.
    package static func text(milliseconds: Int64 = nowMilliseconds()) -> String {
        let day = milliseconds.floorDivided(by: 86_400_000)
        let rest = Int(milliseconds - day * 86_400_000)
        let (year, month, dayOfMonth) = civil(day: Int(day))
        return unsafe String(unsafeUninitializedCapacity: 32) { bytes in
            var count = 0
            func digits(_ value: Int, _ width: Int, then separator: Character) {
                var place = count + width
                var value = value
                while place > count {
                    place -= 1
                    unsafe bytes[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10)
                    value /= 10
                }
                unsafe bytes[count + width] = separator.asciiValue ?? 0
                count += width + 1
            }
            digits(max(0, year) % 10_000, 4, then: "-")
            digits(month, 2, then: "-")
            digits(dayOfMonth, 2, then: "T")
            digits(rest / 3_600_000, 2, then: ":")
            digits(rest / 60_000 % 60, 2, then: ":")
            digits(rest / 1000 % 60, 2, then: ".")
            digits(rest % 1000, 3, then: "Z")
            return count
        }
    }

    /// `10:00:00.123`, in UTC.
    package static func timeOfDay(milliseconds: Int64 = nowMilliseconds()) -> String {
        String(text(milliseconds: milliseconds).dropFirst(11).dropLast())
    }

    /// `2026-01-31T10:00:00+0100`, in the zone of the machine.
    static func localText() -> String {
        var seconds = time(nil)
        var parts = unsafe tm()
        guard unsafe localtime_r(&seconds, &parts) != nil else { return text() }
        var characters = [CChar](repeating: 0, count: 64)
        let count = unsafe strftime(&characters, characters.count, "%Y-%m-%dT%H:%M:%S%z", &parts)
        return String(decoding: characters.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The date of a day counted from 1970-01-01 (Howard Hinnant's algorithm).
    private static func civil(day: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        )
    }
}

extension Int64 {
    fileprivate func floorDivided(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
