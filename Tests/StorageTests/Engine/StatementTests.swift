import Testing

@testable import Storage

@Suite("Statements")
struct StatementTests {
    /// One table without types, so that what is bound is what is stored.
    private func withConnection(_ body: (Connection) throws -> Void) throws {
        let scratch = try Scratch()
        try execute(scratch.database, "CREATE TABLE t (v)")
        let connection = try SQLiteDatabase.connection(path: scratch.database, access: .readWrite)
        try body(connection)
        try connection.close()
    }

    private func stored(_ value: SQLValue, _ connection: Connection) throws -> String? {
        try connection.run("DELETE FROM t")
        try connection.run("INSERT INTO t VALUES (?)", value)
        return try connection.row("SELECT typeof(v) || ' ' || quote(v) FROM t", []) { try $0.text(at: 0, column: "") }
    }

    @Test("every type is stored as what it is, and read back")
    func types() throws {
        try withConnection { connection in
            #expect(try stored(.null, connection) == "null NULL")
            #expect(try connection.row("SELECT v FROM t", []) { $0.isNull(at: 0) } == true)
            for number in [Int64.min, -1, 0, 1, .max] {
                #expect(try stored(.integer(number), connection) == "integer \(number)")
                #expect(try connection.integers("SELECT v FROM t") == [number])
            }
            #expect(try stored(.real(-0.5), connection) == "real -0.5")
            #expect(try connection.row("SELECT v FROM t", []) { try $0.real(at: 0, column: "v") } == -0.5)
            for text in ["a", "it's \"ü\u{202E}\u{1F600}\n", String(repeating: "long ", count: 10_000)] {
                _ = try stored(.text(text), connection)
                #expect(try connection.row("SELECT v FROM t", []) { try $0.text(at: 0, column: "v") } == text)
            }
            #expect(try stored(.blob([0, 255]), connection) == "blob X'00FF'")
            #expect(try connection.row("SELECT v FROM t", []) { try $0.blob(at: 0, column: "v") } == [0, 255])
        }
    }

    @Test("an empty text and an empty blob are not NULL")
    func empty() throws {
        try withConnection { connection in
            let text = try stored(.text(""), connection)
            #expect(text == "text ''")
            #expect(try connection.row("SELECT v FROM t", []) { try $0.text(at: 0, column: "v") } == "")
            let blob = try stored(.blob([]), connection)
            #expect(blob == "blob X''")
            #expect(try connection.row("SELECT v FROM t", []) { try $0.blob(at: 0, column: "v") } == [])
            #expect(try connection.row("SELECT v FROM t", []) { $0.isNull(at: 0) } == false)
        }
    }

    @Test("a NUL in a text is stored as U+FFFD, wherever it stands")
    func nul() throws {
        try withConnection { connection in
            for (text, expected) in [
                ("\0", "\u{FFFD}"), ("a\0b", "a\u{FFFD}b"), ("\0\u{301}ü\0", "\u{FFFD}\u{301}ü\u{FFFD}"),
            ] {
                let stored = try stored(.text(text), connection)
                #expect(stored == "text '\(expected)'")
            }
        }
    }

    @Test("damaged UTF-8 is read with replacement")
    func damagedText() throws {
        try withConnection { connection in
            try connection.execute(script: "INSERT INTO t VALUES (CAST(x'61FF62' AS TEXT))")
            #expect(try connection.row("SELECT v FROM t", []) { try $0.text(at: 0, column: "v") } == "a\u{FFFD}b")
        }
    }

    @Test("a value of another type is an error that names the column")
    func wrongTypes() throws {
        try withConnection { connection in
            func reading<Value>(_ value: SQLValue, _ read: (Statement) throws -> Value) throws {
                _ = try stored(value, connection)
                _ = try connection.row("SELECT v FROM t", [], read)
            }
            #expect(throws: RowError.missing(column: "c")) { try reading(.null) { try $0.text(at: 0, column: "c") } }
            #expect(throws: RowError.missing(column: "c")) { try reading(.null) { try $0.blob(at: 0, column: "c") } }
            #expect(throws: RowError.missing(column: "c")) { try reading(.null) { try $0.integer(at: 0, column: "c") } }
            #expect(throws: RowError.wrongType(column: "c")) {
                try reading(.text("7")) { try $0.integer(at: 0, column: "c") }
            }
            #expect(throws: RowError.wrongType(column: "c")) {
                try reading(.integer(7)) { try $0.text(at: 0, column: "c") }
            }
            #expect(throws: RowError.wrongType(column: "c")) {
                try reading(.text("7")) { try $0.blob(at: 0, column: "c") }
            }
            #expect(throws: RowError.wrongType(column: "c")) {
                try reading(.integer(7)) { try $0.real(at: 0, column: "c") }
            }
        }
    }

    @Test("as many values as places, no more and no fewer")
    func count() throws {
        try withConnection { connection in
            try connection.run("INSERT INTO t VALUES (? + ?)", .integer(1), .integer(2))
            #expect(throws: SQLiteError.self) { try connection.run("INSERT INTO t VALUES (? + ?)", .integer(1)) }
            #expect(throws: SQLiteError.self) {
                try connection.run("INSERT INTO t VALUES (? + ?)", .integer(1), .integer(2), .integer(3))
            }
            #expect(try connection.integers("SELECT v FROM t") == [3])
        }
    }

    @Test("a statement is kept, and works again after a failure, with nothing left of its values")
    func kept() throws {
        try withConnection { connection in
            try connection.execute(script: "CREATE TABLE u (a UNIQUE, b)")
            let sql = "INSERT INTO u VALUES (?, ?)"
            try connection.run(sql, .integer(1), .text("first"))
            let statement = try connection.statement(sql)
            #expect(throws: SQLiteError(code: SQLiteError.unique, message: "UNIQUE constraint failed: u.a")) {
                try connection.run(sql, .integer(1), .text("second"))
            }
            #expect(try connection.statement(sql) === statement)
            while try statement.step() {}
            statement.reset()
            try connection.run(sql, .integer(2), .text("third"))
            let rows = try connection.rows("SELECT quote(a) || quote(b) FROM u ORDER BY a", []) {
                try $0.text(at: 0, column: "")
            }
            #expect(rows == ["NULLNULL", "1'first'", "2'third'"])
        }
    }

    @Test("a failure in the midst of reading leaves the statement ready")
    func readingFails() throws {
        try withConnection { connection in
            try connection.execute(script: "INSERT INTO t VALUES (1), ('x'), (3)")
            #expect(throws: RowError.wrongType(column: "0")) { try connection.integers("SELECT v FROM t") }
            try connection.execute(script: "DELETE FROM t WHERE v = 'x'; DROP TABLE IF EXISTS gone")
            #expect(try connection.integers("SELECT v FROM t") == [1, 3])
        }
    }

    @Test("what is no statement is an error, and so is a text in double quotes")
    func notSQL() throws {
        try withConnection { connection in
            for sql in ["SELEC 1", "SELECT nothing FROM t", "SELECT \"nothing\" FROM t", "", "-- nothing"] {
                #expect(throws: SQLiteError.self, "\(sql)") { try connection.run(sql) }
            }
            #expect(throws: SQLiteError.self) { try connection.execute(script: "CREATE INDEX i ON t (\"nothing\")") }
        }
    }
}
