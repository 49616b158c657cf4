import Glibc
import Transport

/// The value of the `Date` header, made once a second at most.
package final class HTTPDate: Sendable {
    package static let shared = HTTPDate()

    private let cached = Lock<(second: Int, text: String)>((-1, ""))

    package init() {}

    package var now: String {
        let second = time(nil)
        return cached.withLock { cached in
            if cached.second != second { cached = (second, Self.text(second)) }
            return cached.text
        }
    }

    /// The preferred form of RFC 9110: `Sun, 06 Nov 1994 08:49:37 GMT`.
    /// - Parameter second: since 1970, not before.
    package static func text(_ second: Int) -> String {
        let (days, rest) = max(0, second).quotientAndRemainder(dividingBy: 86400)
        let date = date(days)
        let clock = [rest / 3600, rest / 60 % 60, rest % 60].map(twoDigits).joined(separator: ":")
        // 1 January 1970 was a Thursday.
        return "\(dayNames[(days + 4) % 7]), \(twoDigits(date.day)) \(months[date.month]) \(date.year) \(clock) GMT"
    }

    private static let dayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Counted in years that begin in March, so that the leap day is the last one; `month` counts from 0, in January.
    private static func date(_ days: Int) -> (year: Int, month: Int, day: Int) {
        // From 1 March of the year 0; 400 years have 146,097 days.
        let (era, day) = (days + 719_468).quotientAndRemainder(dividingBy: 146_097)
        let year = (day - day / 1460 + day / 36524 - day / 146_096) / 365
        let ofYear = day - (365 * year + year / 4 - year / 100)
        let month = (5 * ofYear + 2) / 153
        return (era * 400 + year + (month < 10 ? 0 : 1), (month + 2) % 12, ofYear - (153 * month + 2) / 5 + 1)
    }

    private static func twoDigits(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
