import CSQLite

/// The database of a Nezha dashboard (`sqlite.db`), which is read and never written. Columns that a release did not have
/// yet, or has no more, are absent from its rows.
final class OldDatabase {
    /// One row: what stands in each column, by name.
    struct Row {
        fileprivate var values: [String: SQLValue]

        subscript(column: String) -> SQLValue { values[column] ?? .null }

        var id: Int64 { self["id"].oldInteger ?? 0 }
    }

    private let connection: Connection
    private let tables: Set<String>

    /// - Parameter path: absolute.
    init(path: String) throws {
        connection = try Connection(path: path, access: .readOnly)
        let names = try connection.rows("SELECT name FROM sqlite_master WHERE type = 'table'", []) {
            try $0.text(at: 0, column: "name")
        }
        tables = Set(names)
    }

    func close() throws { try connection.close() }

    /// Whether it looks like what it should be.
    var isDashboard: Bool { tables.isSuperset(of: ["users", "servers"]) }

    func has(_ table: String) -> Bool { tables.contains(table) }

    func count(_ table: String) throws -> Int {
        guard has(table) else { return 0 }
        return Int(try connection.integers("SELECT count(*) FROM \"\(table)\"").first ?? 0)
    }

    /// Hands each row over, in the order of the keys.
    /// - Parameter column: by whose values they are ordered first.
    func each(_ table: String, by column: String? = nil, _ body: (Row) throws -> Void) throws {
        guard has(table) else { return }
        let order = (column.map { "\"\($0)\", " } ?? "") + "rowid"
        try connection.using("SELECT * FROM \"\(table)\" ORDER BY \(order)") { statement in
            let names = statement.columnNames
            while try statement.step() {
                var values: [String: SQLValue] = [:]
                for (index, name) in names.enumerated() { values[name] = statement.value(at: Int32(index)) }
                try body(Row(values: values))
            }
        }
    }

    /// The highest id that a table has ever given: it is never given again.
    func highestID(_ table: String) throws -> Int64 {
        guard has(table) else { return 0 }
        if has("sqlite_sequence"),
            let given = try connection.integers("SELECT seq FROM sqlite_sequence WHERE name = ?", .text(table)).first
        {
            return given
        }
        return try connection.integers("SELECT coalesce(max(rowid), 0) FROM \"\(table)\"").first ?? 0
    }
}

// MARK: What old columns hold

extension SQLValue {
    /// A whole number, also as text or as a flag.
    var oldInteger: Int64? {
        switch self {
        case .integer(let number): number
        case .real(let number): Int64(exactly: number)
        case .text("true"): 1
        case .text("false"): 0
        case .text(let text): Int64(text)
        case .null, .blob: nil
        }
    }

    var oldReal: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .real(let number): number
        case .text(let text): Double(text)
        case .null, .blob: nil
        }
    }

    var oldFlag: Bool { (oldInteger ?? 0) != 0 }

    /// Empty when there is none.
    var oldText: String {
        switch self {
        case .text(let text): text
        case .integer(let number): String(number)
        case .real(let number): String(number)
        case .blob(let bytes): String(decoding: bytes, as: UTF8.self)
        case .null: ""
        }
    }

    /// Unix milliseconds of a time as that program writes it, `2026-11-26 11:42:42.452239643+00:00`; `nil` for none and
    /// for its zero time.
    var oldTime: Int64? {
        guard case .text(let text) = self, let time = OldTime.milliseconds(text), time > OldTime.zero else {
            return nil
        }
        return time
    }
}

enum OldTime {
    /// `0001-01-01 00:00:00`, which stands for no time.
    static let zero: Int64 = -62_135_596_800_000

    static func milliseconds(_ text: String) -> Int64? {
        var rest = text.utf8[...]
        func number(_ digits: Int) -> Int64? {
            guard rest.count >= digits else { return nil }
            var value: Int64 = 0
            for byte in rest.prefix(digits) {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            rest = rest.dropFirst(digits)
            return value
        }
        func take(_ bytes: String) -> Bool {
            guard let first = rest.first, bytes.utf8.contains(first) else { return false }
            rest = rest.dropFirst()
            return true
        }
        guard let year = number(4), take("-"), let month = number(2), take("-"), let day = number(2), take(" T"),
            let hour = number(2), take(":"), let minute = number(2), take(":"), let second = number(2),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        var fraction: Int64 = 0
        if take(".") {
            let digits = Array(rest.prefix { (0x30...0x39).contains($0) })
            for place in 0..<3 {
                let digit = place < digits.count ? digits[place] - 0x30 : 0
                fraction = fraction * 10 + Int64(digit)
            }
            rest = rest.dropFirst(digits.count)
        }
        _ = take(" ")
        var offset: Int64 = 0
        if !take("Z"), let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
            rest = rest.dropFirst()
            guard let hours = number(2) else { return nil }
            _ = take(":")
            guard let minutes = number(2) else { return nil }
            offset = (hours * 60 + minutes) * (sign == UInt8(ascii: "-") ? -1 : 1)
        }
        let minutes = (days(year, month, day) * 24 + hour) * 60 + minute - offset
        return (minutes * 60 + second) * 1000 + fraction
    }

    /// Days since 1 January 1970 of a date of the Gregorian calendar.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        // Years that begin in March have their leap day at the end.
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

extension Statement {
    fileprivate var columnNames: [String] { (0..<columnCount).map { columnName(at: Int32($0)) } }
}
