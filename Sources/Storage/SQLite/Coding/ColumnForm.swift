import FoundationEssentials

/// How a value stands in a column. Most types have one form, their own (``ColumnValue``); a list has several.
protocol ColumnForm {
    associatedtype Value

    static func read(_ cell: Cell) throws -> Value
    static func bind(_ value: Value, to statement: Statement, at index: Int32) throws
}

/// A type that stands in a column in one way.
protocol ColumnValue: ColumnForm where Value == Self {}

/// One column of the row that a statement stands on.
struct Cell {
    let statement: Statement
    let index: Int32
    /// The column's name, for errors.
    let column: String

    var isNull: Bool { statement.isNull(at: index) }

    func integer() throws(RowError) -> Int64 { try statement.integer(at: index, column: column) }
    func real() throws(RowError) -> Double { try statement.real(at: index, column: column) }
    func text() throws(RowError) -> String { try statement.text(at: index, column: column) }
    func blob() throws(RowError) -> [UInt8] { try statement.blob(at: index, column: column) }
}

// MARK: Plain values

extension Int64: ColumnValue {
    static func read(_ cell: Cell) throws -> Int64 { try cell.integer() }
    static func bind(_ value: Int64, to statement: Statement, at index: Int32) throws {
        try statement.bind(value, at: index)
    }
}

extension String: ColumnValue {
    static func read(_ cell: Cell) throws -> String { try cell.text() }
    static func bind(_ value: String, to statement: Statement, at index: Int32) throws {
        try statement.bind(value, at: index)
    }
}

/// 0 or 1; another number is read as true.
extension Bool: ColumnValue {
    static func read(_ cell: Cell) throws -> Bool { try cell.integer() != 0 }
    static func bind(_ value: Bool, to statement: Statement, at index: Int32) throws {
        try statement.bind(value ? 1 : 0 as Int64, at: index)
    }
}

/// Unix milliseconds.
extension Date: ColumnValue {
    static func read(_ cell: Cell) throws -> Date { Date(storedMilliseconds: try cell.integer()) }
    static func bind(_ value: Date, to statement: Statement, at index: Int32) throws {
        try statement.bind(value.storedMilliseconds, at: index)
    }

    /// Unix time as it is stored. To the nearest, so that a stored time reads and writes back the same.
    var storedMilliseconds: Int64 {
        let value = (timeIntervalSince1970 * 1000).rounded()
        return Int64(exactly: value) ?? (value < 0 ? .min : .max)
    }

    init(storedMilliseconds: Int64) {
        self.init(timeIntervalSince1970: Double(storedMilliseconds) / 1000)
    }
}

/// Bytes; no bytes are an empty blob, not NULL.
extension [UInt8]: ColumnForm, ColumnValue {
    static func read(_ cell: Cell) throws -> [UInt8] { try cell.blob() }
    static func bind(_ value: [UInt8], to statement: Statement, at index: Int32) throws {
        try statement.bind(value, at: index)
    }
}

/// NULL for `nil`.
extension Optional: ColumnForm, ColumnValue where Wrapped: ColumnValue {
    static func read(_ cell: Cell) throws -> Wrapped? { cell.isNull ? nil : try Wrapped.read(cell) }
    static func bind(_ value: Wrapped?, to statement: Statement, at index: Int32) throws {
        guard let value else { return try statement.bindNull(at: index) }
        try Wrapped.bind(value, to: statement, at: index)
    }
}

/// The raw number of an enum.
enum Choice<Value: RawRepresentable<Int>>: ColumnForm {
    static func read(_ cell: Cell) throws -> Value {
        guard let number = Int(exactly: try cell.integer()), let value = Value(rawValue: number) else {
            throw RowError.unknownChoice(column: cell.column)
        }
        return value
    }

    static func bind(_ value: Value, to statement: Statement, at index: Int32) throws {
        try statement.bind(Int64(value.rawValue), at: index)
    }
}

/// JSON text, with the keys in order: the same value is the same text.
enum JSONText<Value: Codable>: ColumnForm {
    static func read(_ cell: Cell) throws -> Value {
        let text = try cell.text()
        do {
            return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
        } catch {
            throw RowError.unreadableJSON(column: cell.column)
        }
    }

    static func bind(_ value: Value, to statement: Statement, at index: Int32) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try statement.bind(String(decoding: try encoder.encode(value), as: UTF8.self), at: index)
    }
}
