/// When something is due again and again (`engines.md` 6): six fields, seconds first, or a descriptor such as `@daily` or
/// `@every 90s`, perhaps with a zone of its own before it.
package struct Schedule: Sendable, Equatable {
    private enum Rule: Sendable, Equatable {
        case every(seconds: Int64)
        case fields(Fields)
    }

    fileprivate struct Fields: Sendable, Equatable {
        var second: ScheduleField
        var minute: ScheduleField
        var hour: ScheduleField
        var day: ScheduleField
        var month: ScheduleField
        var weekday: ScheduleField
    }

    private let rule: Rule
    /// The zone that the text names; it wins over any other.
    private let ownZone: Zone?

    /// - Parameter zones: where the files of zones are.
    /// - Throws: ``ScheduleError``. Reads a file when the text names a zone.
    package init(_ text: String, zones: String = "/usr/share/zoneinfo") throws(ScheduleError) {
        guard !text.isEmpty else { throw ScheduleError("empty spec string") }
        var rest = Array(text.utf8)[...]
        var zone: Zone?
        for prefix in ["TZ=", "CRON_TZ="] where rest.starts(with: prefix.utf8) {
            let name = rest.dropFirst(prefix.utf8.count).prefix { $0 != UInt8(ascii: " ") }
            rest = rest.dropFirst(prefix.utf8.count + name.count)
            zone = try Self.zone(String(decoding: name, as: UTF8.self), zones)
            // Whatever stands before what follows the zone.
            rest = rest.drop(while: Self.isBlank)
            break
        }
        ownZone = zone
        rule = rest.first == UInt8(ascii: "@") ? try Self.descriptor(rest) : .fields(try Self.fields(rest))
    }

    private static func zone(_ name: String, _ folder: String) throws(ScheduleError) -> Zone {
        do {
            return try Zone.named(name, folder: folder)
        } catch {
            throw ScheduleError("provided bad location \(name): unknown time zone \(name)")
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func fields(_ text: ArraySlice<UInt8>) throws(ScheduleError) -> Fields {
        let parts = text.split(whereSeparator: isBlank)
        guard parts.count == 6 else {
            let found = parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
            throw ScheduleError("expected exactly 6 fields, found \(parts.count): [\(found)]")
        }
        return Fields(
            second: try ScheduleField(parts[0], ScheduleField.seconds),
            minute: try ScheduleField(parts[1], ScheduleField.seconds),
            hour: try ScheduleField(parts[2], ScheduleField.hours),
            day: try ScheduleField(parts[3], ScheduleField.days),
            month: try ScheduleField(parts[4], ScheduleField.months),
            weekday: try ScheduleField(parts[5], ScheduleField.weekdays))
    }

    private static let descriptors: [(name: String, fields: String)] = [
        ("@yearly", "0 0 0 1 1 *"), ("@annually", "0 0 0 1 1 *"), ("@monthly", "0 0 0 1 * *"),
        ("@weekly", "0 0 0 * * 0"), ("@daily", "0 0 0 * * *"), ("@midnight", "0 0 0 * * *"),
        ("@hourly", "0 0 * * * *"),
    ]

    private static func descriptor(_ bytes: ArraySlice<UInt8>) throws(ScheduleError) -> Rule {
        let text = String(decoding: bytes, as: UTF8.self)
        if let known = descriptors.first(where: { $0.name.utf8.elementsEqual(bytes) }) {
            return .fields(try fields(Array(known.fields.utf8)[...]))
        }
        guard bytes.starts(with: "@every ".utf8) else { throw ScheduleError("unrecognized descriptor: \(text)") }
        do {
            let span = try GoDuration.parse(String(decoding: bytes.dropFirst(7), as: UTF8.self))
            return .every(seconds: max(1, span.components.seconds))
        } catch {
            throw ScheduleError("failed to parse duration \(text): \(error)")
        }
    }
}

// MARK: When

extension Schedule {
    /// Years that are looked at; what is not due in them never is (29 February comes within eight).
    private static let horizon: Int64 = 9 * 366 * 86_400

    /// The first instant after this one, in seconds since 1970; `nil` for a schedule that is never due, such as
    /// 30 February.
    ///
    /// An hour that the clocks leave out is left out; in one that they repeat it is due twice.
    package func next(after instant: Int64, in zone: Zone) -> Int64? {
        switch rule {
        case .every(let seconds): return instant + seconds
        case .fields(let fields): return Self.next(fields, after: instant, in: ownZone ?? zone)
        }
    }

    private static func next(_ fields: Fields, after start: Int64, in zone: Zone) -> Int64? {
        var instant = start + 1
        while instant <= start + horizon {
            let offset = Int64(zone.setting(at: instant).offset)
            let (day, second) = (instant + offset).quotientAndRemainder(flooring: 86_400)
            // The end of the day where nothing is due in what is left of it.
            let due = isDue(fields, day: day) ? fields.dueSecond(from: Int(second)).map { Int64($0) } : nil
            if due == second { return instant }
            let target = instant + (due ?? 86_400) - second
            instant = change(zone, from: instant, to: target, offset) ?? target
        }
        return nil
    }

    /// The instant until `end` when the clocks show another offset, if there is one.
    private static func change(_ zone: Zone, from start: Int64, to end: Int64, _ offset: Int64) -> Int64? {
        func isOther(_ instant: Int64) -> Bool { Int64(zone.setting(at: instant).offset) != offset }
        guard isOther(end) else { return nil }
        var (low, high) = (start, end)
        while low + 1 < high {
            let middle = low + (high - low) / 2
            if isOther(middle) { high = middle } else { low = middle }
        }
        return high
    }

    /// - Parameter day: days since 1970-01-01.
    private static func isDue(_ fields: Fields, day: Int64) -> Bool {
        let date = Calendar.date(ofDay: day)
        guard fields.month.contains(date.month) else { return false }
        let isDay = fields.day.contains(date.day)
        let isWeekday = fields.weekday.contains(Int(Calendar.weekday(ofDay: day)))
        // Where both are restricted either will do.
        return fields.day.isAny || fields.weekday.isAny ? isDay && isWeekday : isDay || isWeekday
    }
}

extension Schedule.Fields {
    /// The first second of the day, from this one on, that is due.
    fileprivate func dueSecond(from start: Int) -> Int? {
        var (hour, minute, second) = (start / 3600, start / 60 % 60, start % 60)
        while let dueHour = self.hour.first(from: hour) {
            if dueHour > hour { (minute, second) = (0, 0) }
            while let dueMinute = self.minute.first(from: minute) {
                if dueMinute > minute { second = 0 }
                if let dueSecond = self.second.first(from: second) {
                    return dueHour * 3600 + dueMinute * 60 + dueSecond
                }
                (minute, second) = (dueMinute + 1, 0)
            }
            (hour, minute, second) = (dueHour + 1, 0, 0)
        }
        return nil
    }
}
