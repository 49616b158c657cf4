extension Connection {
    /// Inserts the row under a new key; that of the record does not matter.
    /// - Returns: the new key.
    @discardableResult
    func insert<Row: StoredRow>(_ row: Row) throws -> Int64 {
        try insert(contentsOf: CollectionOfOne(row), with: Row.table.insertion)
        return lastInsertedID
    }

    /// Inserts rows one after the other.
    /// - Parameter sql: the table's insertion, perhaps with more behind it.
    func insert<Row: StoredRow>(contentsOf rows: some Collection<Row>, with sql: String) throws {
        let statement = try statement(sql)
        defer { statement.clear() }
        for row in rows { try insert(CollectionOfOne(row), statement) }
    }

    /// Inserts many rows, several with each statement: beginning and ending one costs about as much as a row.
    func insert<Row: StoredRow>(contentsOf rows: [Row]) throws {
        let together = Table<Row>.rowsTogether
        let grouped = rows.count - rows.count % together
        if grouped > 0 {
            let statement = try statement(Row.table.groupInsertion)
            defer { statement.clear() }
            for start in stride(from: 0, to: grouped, by: together) {
                try insert(rows[start..<start + together], statement)
            }
        }
        if grouped < rows.count { try insert(contentsOf: rows[grouped...], with: Row.table.insertion) }
    }

    /// Runs a statement that has places for all these rows.
    private func insert<Row: StoredRow>(_ rows: some Collection<Row>, _ statement: Statement) throws {
        defer { statement.reset() }
        var binder = RowBinder(statement)
        for var row in rows { try row.code(&binder) }
        while try statement.step() {}
    }

    /// Replaces all columns of the row with that key.
    /// - Throws: ``StorageError/notFound`` when it is not there.
    func update<Row: StoredRow>(_ row: Row, key: Int64) throws {
        let statement = try statement(Row.table.update)
        defer {
            statement.reset()
            statement.clear()
        }
        var row = row
        var binder = RowBinder(statement)
        try row.code(&binder)
        try statement.bind(key, at: binder.count + 1)
        while try statement.step() {}
        if changes == 0 { throw StorageError.notFound }
    }

    /// The rows that the condition selects.
    /// - Parameter condition: `WHERE`, `ORDER BY` and `LIMIT`, or nothing.
    func all<Row: StoredRow>(_: Row.Type, _ condition: String, _ values: SQLValue...) throws -> [Row] {
        try all(Row.self, condition, values)
    }

    func all<Row: StoredRow>(_: Row.Type, _ condition: String, _ values: [SQLValue]) throws -> [Row] {
        try rows("\(Row.table.selection) \(condition)", values) { try Self.read(Row.self, $0) }
    }

    /// The first row that the condition selects.
    func first<Row: StoredRow>(_: Row.Type, _ condition: String, _ values: SQLValue...) throws -> Row? {
        try row("\(Row.table.selection) \(condition)", values) { try Self.read(Row.self, $0) }
    }

    /// One number for each row, from the first column.
    func integers(_ sql: String, _ values: SQLValue...) throws -> [Int64] {
        try rows(sql, values) { try $0.integer(at: 0, column: "0") }
    }

    func exists(_ id: Int64, in table: String) throws -> Bool {
        try !integers("SELECT id FROM \(table) WHERE id = ?", .integer(id)).isEmpty
    }

    private static func read<Row: StoredRow>(_: Row.Type, _ statement: Statement) throws -> Row {
        var row = Row.table.blank
        var reader = RowReader(statement)
        try row.code(&reader)
        return row
    }
}
