/// The rule for all years to come, as POSIX writes TZ: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct PosixRule: Sendable, Equatable {
    /// A day of each year.
    enum Day: Sendable, Equatable {
        /// 1 to 365; there is no 29 February.
        case julian(Int)
        /// 0 to 365.
        case ordinal(Int)
        /// The `week`th (5: the last) day of the week (0: Sunday) of a month.
        case weekday(month: Int, week: Int, day: Int)
    }

    /// A change of the clocks: seconds after the midnight that begins a day, by the clocks as they were before.
    struct Change: Sendable, Equatable {
        var day: Day
        var seconds: Int
    }

    struct DaylightSaving: Sendable, Equatable {
        var setting: Zone.Setting
        var start: Change
        var end: Change
    }

    var standard: Zone.Setting
    var daylight: DaylightSaving?

    func setting(at instant: Int64) -> Zone.Setting {
        guard let daylight else { return standard }
        // Years repeat after 400; far ones need no large numbers.
        let instant = min(max(instant, -1 << 53), 1 << 53)
        let year = Calendar.year(ofDay: Calendar.day(of: instant + Int64(standard.offset)))
        var changes: [(instant: Int64, isStart: Bool)] = []
        // A time of day may reach into the next year or the last one.
        for year in (year - 1)...(year + 1) {
            changes.append((daylight.start.local(year) - Int64(standard.offset), true))
            changes.append((daylight.end.local(year) - Int64(daylight.setting.offset), false))
        }
        // Saving all year is written as an end at the next start: then the start counts.
        changes.sort { $0.instant != $1.instant ? $0.instant < $1.instant : !$0.isStart && $1.isStart }
        let last = changes.last { $0.instant <= instant }
        return last?.isStart == true ? daylight.setting : standard
    }
}

extension PosixRule.Change {
    /// What the clock would show at it, as seconds since it would have shown 1970-01-01 00:00:00.
    fileprivate func local(_ year: Int64) -> Int64 { day.number(year) * 86_400 + Int64(seconds) }
}

extension PosixRule.Day {
    /// Days since 1970-01-01.
    fileprivate func number(_ year: Int64) -> Int64 {
        switch self {
        case .ordinal(let day): return Calendar.day(year: year, month: 1, day: 1) + Int64(day)
        case .julian(let day):
            let isAfterLeapDay = day >= 60 && Calendar.isLeap(year)
            return Calendar.day(year: year, month: 1, day: 1) + Int64(day - 1 + (isAfterLeapDay ? 1 : 0))
        case .weekday(let month, let week, let weekday):
            let first = Calendar.day(year: year, month: Int64(month), day: 1)
            let next = Calendar.day(year: year + (month == 12 ? 1 : 0), month: Int64(month % 12 + 1), day: 1)
            var day = first + (Int64(weekday) - Calendar.weekday(ofDay: first) + 7) % 7 + Int64(week - 1) * 7
            while day >= next { day -= 7 }
            return day
        }
    }
}

/// Days of the Gregorian calendar, counted from 1970-01-01 (Howard Hinnant's algorithms).
enum Calendar {
    static func day(of seconds: Int64) -> Int64 {
        seconds.quotientAndRemainder(flooring: 86_400).quotient
    }

    static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    static func day(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    static func year(ofDay day: Int64) -> Int64 { date(ofDay: day).year }

    static func date(ofDay day: Int64) -> (year: Int64, month: Int, day: Int) {
        let (era, dayOfEra) = (day + 719_468).quotientAndRemainder(flooring: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        // Its years begin in March.
        let fromMarch = (5 * dayOfYear + 2) / 153
        let month = Int(fromMarch < 10 ? fromMarch + 3 : fromMarch - 9)
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, Int(dayOfYear - (153 * fromMarch + 2) / 5 + 1))
    }

    /// 0 is Sunday; 1970-01-01 was a Thursday.
    static func weekday(ofDay day: Int64) -> Int64 { (day + 4).quotientAndRemainder(flooring: 7).remainder }
}

extension Int64 {
    func quotientAndRemainder(flooring divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
