/// One of the six fields of a schedule: the values at which it is due.
struct ScheduleField: Sendable, Hashable {
    /// Bit n: the value n.
    private(set) var values: UInt64 = 0
    /// Whether it was written as `*` or `?`, which restricts nothing.
    private(set) var isAny = false

    func contains(_ value: Int) -> Bool { values & 1 << UInt64(value) != 0 }

    /// The first value from `value` on.
    func first(from value: Int) -> Int? {
        guard value < 64 else { return nil }
        let rest = values >> UInt64(value)
        return rest == 0 ? nil : value + rest.trailingZeroBitCount
    }

    /// What a field may hold.
    struct Bounds: Sendable {
        var lowest: Int
        var highest: Int
        /// Names of values from the lowest on.
        var names: [String] = []
    }

    static let seconds = Bounds(lowest: 0, highest: 59)
    static let hours = Bounds(lowest: 0, highest: 23)
    static let days = Bounds(lowest: 1, highest: 31)
    static let months = Bounds(
        lowest: 1, highest: 12,
        names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
    static let weekdays = Bounds(
        lowest: 0, highest: 6, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"])

    /// - Parameter text: ranges with commas between them, such as `1-5,*/10`.
    init(_ text: some Collection<UInt8>, _ bounds: Bounds) throws(ScheduleError) {
        for range in text.split(separator: UInt8(ascii: ",")) { try add(Array(range), bounds) }
    }

    private mutating func add(_ range: [UInt8], _ bounds: Bounds) throws(ScheduleError) {
        let text = String(decoding: range, as: UTF8.self)
        let parts = range.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let ends = parts[0].split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        var low: Int
        var high: Int
        var isAny = false
        if ends[0].elementsEqual("*".utf8) || ends[0].elementsEqual("?".utf8) {
            (low, high, isAny) = (bounds.lowest, bounds.highest, true)
        } else {
            low = try Self.value(ends[0], bounds)
            switch ends.count {
            case 1: high = low
            case 2: high = try Self.value(ends[1], bounds)
            default: throw ScheduleError("too many hyphens: \(text)")
            }
        }
        var step = 1
        switch parts.count {
        case 1: break
        case 2:
            step = try Self.number(parts[1])
            // `5/10` is from 5 on.
            if ends.count == 1 { high = bounds.highest }
            if step > 1 { isAny = false }
        default: throw ScheduleError("too many slashes: \(text)")
        }
        if low < bounds.lowest {
            throw ScheduleError("beginning of range (\(low)) below minimum (\(bounds.lowest)): \(text)")
        }
        if high > bounds.highest {
            throw ScheduleError("end of range (\(high)) above maximum (\(bounds.highest)): \(text)")
        }
        if low > high { throw ScheduleError("beginning of range (\(low)) beyond end of range (\(high)): \(text)") }
        if step == 0 { throw ScheduleError("step of range should be a positive number: \(text)") }
        for value in stride(from: low, through: high, by: step) { values |= 1 << UInt64(value) }
        self.isAny = self.isAny || isAny
    }

    private static func value(_ text: ArraySlice<UInt8>, _ bounds: Bounds) throws(ScheduleError) -> Int {
        // Letters of ASCII alone, whatever their case.
        let lower = text.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
        if let place = bounds.names.firstIndex(where: { $0.utf8.elementsEqual(lower) }) {
            return bounds.lowest + place
        }
        return try number(text)
    }

    private static func number(_ bytes: ArraySlice<UInt8>) throws(ScheduleError) -> Int {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let number = Int(text) else {
            throw ScheduleError("failed to parse int from \(text): strconv.Atoi: parsing \"\(text)\": invalid syntax")
        }
        if number < 0 { throw ScheduleError("negative number (\(number)) not allowed: \(text)") }
        return number
    }
}
