/// A record that is a row of one table. ``code(_:)`` lists its columns once, for reading, for writing and for the text of
/// the statements.
///
/// ```swift
/// extension NoteRecord: StoredRow {
///     static let table = Table<NoteRecord>("notes", blank: NoteRecord(text: "", createdAt: .distantPast))
///
///     mutating func code(_ columns: inout some ColumnCoder) throws {
///         try columns.key("id", &id)
///         try columns.column("text", &text)
///         try columns.column("created_at", &createdAt)
///     }
/// }
/// ```
protocol StoredRow: Sendable {
    static var table: Table<Self> { get }

    /// Hands every column to the coder, always the same ones in the same order.
    mutating func code(_ columns: inout some ColumnCoder) throws
}

/// What ``StoredRow/code(_:)`` hands the columns to.
protocol ColumnCoder {
    /// The key that the database chooses when a row is inserted.
    mutating func key(_ name: String, _ id: inout Int64) throws
    mutating func column<Form: ColumnForm>(_ name: String, _ value: inout Form.Value, as form: Form.Type) throws
}

extension ColumnCoder {
    @inline(__always)
    mutating func column<Value: ColumnValue>(_ name: String, _ value: inout Value) throws {
        try column(name, &value, as: Value.self)
    }
}

/// A table, and the statements that its columns make. Made once a record.
struct Table<Row: StoredRow>: Sendable {
    let name: String
    /// A row of no meaning, which reading fills.
    let blank: Row
    /// `SELECT` of all columns, to which `WHERE`, `ORDER BY` and `LIMIT` may be added.
    let selection: String
    /// `INSERT` of all columns but the key.
    let insertion: String
    /// The same for ``rowsTogether`` rows at once.
    let groupInsertion: String
    /// `UPDATE` of all columns but the key, by the key, which is the last value.
    let update: String

    /// More gain little: a statement has memory for each of its places.
    static var rowsTogether: Int { 16 }

    init(_ name: String, blank: Row) {
        var names = ColumnNames()
        var row = blank
        do {
            try row.code(&names)
        } catch {
            // A row throws what its coder throws, and noting a name does not: no file and no peer has a say in it. Each
            // table is made when the program starts.
            preconditionFailure("the columns of \(name) cannot be listed")
        }
        self.name = name
        self.blank = blank
        let all = (names.key.map { [$0] } ?? []) + names.others
        let places = "(\(Array(repeating: "?", count: names.others.count).joined(separator: ", ")))"
        selection = "SELECT \(all.joined(separator: ", ")) FROM \(name)"
        let into = "INSERT INTO \(name) (\(names.others.joined(separator: ", "))) VALUES "
        insertion = into + places
        groupInsertion = into + Array(repeating: places, count: Self.rowsTogether).joined(separator: ", ")
        let assignments = names.others.map { "\($0) = ?" }.joined(separator: ", ")
        update = "UPDATE \(name) SET \(assignments) WHERE \(names.key ?? "rowid") = ?"
    }
}

/// Notes the names of the columns.
private struct ColumnNames: ColumnCoder {
    var key: String?
    var others: [String] = []

    mutating func key(_ name: String, _ id: inout Int64) { key = name }

    mutating func column<Form: ColumnForm>(_ name: String, _ value: inout Form.Value, as form: Form.Type) {
        others.append(name)
    }
}

/// Fills a record from the row that a statement stands on.
struct RowReader: ColumnCoder {
    let statement: Statement
    private var index: Int32 = 0

    init(_ statement: Statement) { self.statement = statement }

    mutating func key(_ name: String, _ id: inout Int64) throws { try column(name, &id) }

    mutating func column<Form: ColumnForm>(_ name: String, _ value: inout Form.Value, as form: Form.Type) throws {
        value = try Form.read(Cell(statement: statement, index: index, column: name))
        index += 1
    }
}

/// Binds a record to the places of a statement; all but its key.
struct RowBinder: ColumnCoder {
    let statement: Statement
    private(set) var count: Int32 = 0

    init(_ statement: Statement) { self.statement = statement }

    mutating func key(_ name: String, _ id: inout Int64) {}

    mutating func column<Form: ColumnForm>(_ name: String, _ value: inout Form.Value, as form: Form.Type) throws {
        count += 1
        try Form.bind(value, to: statement, at: count)
    }
}
