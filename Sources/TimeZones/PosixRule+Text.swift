extension PosixRule {
    /// nil when the text is no rule.
    init?(_ text: some Swift.Sequence<UInt8>) {
        var reader = RuleReader(rest: Array(text)[...])
        guard let name = reader.name(), let west = reader.time(hours: 24) else { return nil }
        standard = Zone.Setting(offset: -west, isDaylightSaving: false, abbreviation: name)
        if reader.rest.isEmpty { return }
        guard let savingName = reader.name() else { return nil }
        var offset = standard.offset + 3600
        if reader.next != UInt8(ascii: ","), !reader.rest.isEmpty {
            guard let west = reader.time(hours: 24) else { return nil }
            offset = -west
        }
        // Without days POSIX leaves them open; these are the customary ones.
        var start = Change(day: .weekday(month: 3, week: 2, day: 0), seconds: 7200)
        var end = Change(day: .weekday(month: 11, week: 1, day: 0), seconds: 7200)
        if !reader.rest.isEmpty {
            guard reader.skip(UInt8(ascii: ",")), let first = reader.change(), reader.skip(UInt8(ascii: ",")),
                let second = reader.change(), reader.rest.isEmpty
            else { return nil }
            (start, end) = (first, second)
        }
        daylight = DaylightSaving(
            setting: Zone.Setting(offset: offset, isDaylightSaving: true, abbreviation: savingName), start: start,
            end: end)
    }
}

private struct RuleReader {
    var rest: ArraySlice<UInt8>

    var next: UInt8? { rest.first }

    mutating func skip(_ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest.removeFirst()
        return true
    }

    /// Letters, or anything in angle brackets.
    mutating func name() -> String? {
        let name: ArraySlice<UInt8>
        if skip(UInt8(ascii: "<")) {
            guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return nil }
            name = rest[..<end]
            rest = rest[(end + 1)...]
        } else {
            name = rest.prefix { ($0 | 0x20) >= UInt8(ascii: "a") && ($0 | 0x20) <= UInt8(ascii: "z") }
            rest = rest[name.endIndex...]
        }
        return name.count >= 3 ? String(decoding: name, as: UTF8.self) : nil
    }

    /// `[+-]h[h[h]][:mm[:ss]]` as seconds.
    mutating func time(hours limit: Int) -> Int? {
        let isNegative = skip(UInt8(ascii: "-"))
        if !isNegative { _ = skip(UInt8(ascii: "+")) }
        guard let hours = number(0...limit) else { return nil }
        var seconds = hours * 3600
        for unit in [60, 1] where skip(UInt8(ascii: ":")) {
            guard let part = number(0...59) else { return nil }
            seconds += part * unit
        }
        return isNegative ? -seconds : seconds
    }

    mutating func change() -> PosixRule.Change? {
        guard let day = day() else { return nil }
        guard skip(UInt8(ascii: "/")) else { return PosixRule.Change(day: day, seconds: 7200) }
        return time(hours: 167).map { PosixRule.Change(day: day, seconds: $0) }
    }

    private mutating func day() -> PosixRule.Day? {
        if skip(UInt8(ascii: "J")) { return number(1...365).map { .julian($0) } }
        guard skip(UInt8(ascii: "M")) else { return number(0...365).map { .ordinal($0) } }
        guard let month = number(1...12), skip(UInt8(ascii: ".")), let week = number(1...5), skip(UInt8(ascii: ".")),
            let day = number(0...6)
        else { return nil }
        return .weekday(month: month, week: week, day: day)
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int? {
        let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }
        guard !digits.isEmpty, digits.count <= 4 else { return nil }
        rest = rest[digits.endIndex...]
        let number = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return range.contains(number) ? number : nil
    }
}
