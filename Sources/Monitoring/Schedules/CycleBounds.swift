import Primitives

/// The cycles of a traffic rule (`engines.md` 4): from `cycle_start` on, one after the other, counted in the offset that
/// stands in that text. Months and years are those of the calendar, from the first start; what a month does not have is
/// its last day.
struct CycleBounds: Sendable, Equatable {
    enum Unit: Sendable, Equatable {
        case seconds(Int64)
        case months(Int)

        /// In any case of letters; anything else is an hour.
        init(_ text: String) {
            switch String(decoding: text.utf8.asciiLowercased, as: UTF8.self) {
            case "day": self = .seconds(86_400)
            case "week": self = .seconds(7 * 86_400)
            case "month": self = .months(1)
            case "year": self = .months(12)
            default: self = .seconds(3600)
            }
        }
    }

    private let start: Int64
    /// Seconds ahead of UTC.
    private let offset: Int64
    private let unit: Unit
    private let interval: Int64

    /// - Parameter text: RFC 3339.
    /// - Returns: `nil` for a text that is no time, and an interval below 1.
    init?(start text: String, every interval: Int64, unit: String) {
        guard (1...100_000).contains(interval), let (instant, offset) = Self.time(text) else { return nil }
        (start, self.offset) = (instant, offset)
        self.unit = Unit(unit)
        self.interval = interval
    }

    /// The cycle in which an instant lies, Unix seconds; the first one for instants before it.
    func cycle(at instant: Int64) -> (from: Int64, to: Int64) {
        switch unit {
        case .seconds(let length):
            let step = length * interval
            let number = max(0, (instant - start).flooredDivision(by: step))
            return (start + number * step, start + (number + 1) * step)
        case .months(let length):
            let step = length * Int(interval)
            let (first, now) = (CivilTime(local: start + offset), CivilTime(local: instant + offset))
            var number = max(0, ((now.year - first.year) * 12 + now.month - first.month) / step)
            // The month alone may be one too far.
            if number > 0, boundary(number * step) > instant { number -= 1 }
            return (boundary(number * step), boundary((number + 1) * step))
        }
    }

    /// So many months after the start.
    private func boundary(_ months: Int) -> Int64 {
        var time = CivilTime(local: start + offset)
        let month = time.year * 12 + time.month - 1 + months
        (time.year, time.month) = (month / 12, month % 12 + 1)
        time.day = min(time.day, CivilTime.days(inMonth: time.month, of: time.year))
        return time.local - offset
    }

    /// `2026-01-01T00:00:00+08:00`, fractions left out of account.
    static func time(_ text: String) -> (instant: Int64, offset: Int64)? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 64 else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            bytes[range].allSatisfy { 0x30...0x39 ~= $0 } ? Int(String(decoding: bytes[range], as: UTF8.self)) : nil
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 25, minute < 60, second < 61
        else { return nil }
        let local = CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second).local
        let zone = bytes[19...].drop { $0 == UInt8(ascii: ".") || 0x30...0x39 ~= $0 }
        if zone.elementsEqual("Z".utf8) || zone.elementsEqual("z".utf8) { return (local, 0) }
        guard zone.count == 6, let sign = zone.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            let hours = number(zone.startIndex + 1..<zone.startIndex + 3),
            let minutes = number(zone.startIndex + 4..<zone.startIndex + 6)
        else { return nil }
        let offset = Int64(hours * 3600 + minutes * 60) * (sign == UInt8(ascii: "-") ? -1 : 1)
        return (local - offset, offset)
    }
}
