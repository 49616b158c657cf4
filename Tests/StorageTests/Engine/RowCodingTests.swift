import FoundationEssentials
import Testing

@testable import Storage

@Suite("Rows")
struct RowCodingTests {
    private enum Colour: Int { case red = 1, blue = 2 }

    private struct Note: StoredRow, Equatable {
        static let table = Table("notes", blank: Note(id: 0, text: "", colour: .red, isOpen: false))

        var id: Int64
        var text: String
        var colour: Colour
        var isOpen: Bool
        var endsAt: Date?

        mutating func code(_ columns: inout some ColumnCoder) throws {
            try columns.key("id", &id)
            try columns.column("text", &text)
            try columns.column("colour", &colour, as: Choice.self)
            try columns.column("is_open", &isOpen)
            try columns.column("ends_at", &endsAt)
        }
    }

    private func withNotes(_ body: (Connection) throws -> Void) throws {
        let scratch = try Scratch()
        try execute(scratch.database, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text, colour, is_open, ends_at)")
        let connection = try Connection(path: scratch.database, access: .readWrite)
        try body(connection)
        try connection.close()
    }

    @Test("a list of columns makes the statements")
    func statements() {
        let table = Note.table
        #expect(table.selection == "SELECT id, text, colour, is_open, ends_at FROM notes")
        #expect(table.insertion == "INSERT INTO notes (text, colour, is_open, ends_at) VALUES (?, ?, ?, ?)")
        #expect(table.update == "UPDATE notes SET text = ?, colour = ?, is_open = ?, ends_at = ? WHERE id = ?")
    }

    @Test("a row is inserted under a key of the database's, replaced by it, and read back")
    func roundTrip() throws {
        try withNotes { connection in
            var note = Note(id: 77, text: "a\0", colour: .blue, isOpen: true, endsAt: time(1, milliseconds: 7))
            #expect(try connection.insert(note) == 1)
            #expect(try connection.insert(note) == 2)
            note.id = 1
            note.text = "a\u{FFFD}"
            #expect(try connection.first(Note.self, "WHERE id = ?", .integer(1)) == note)
            note.endsAt = nil
            note.isOpen = false
            try connection.update(note, key: 1)
            #expect(try connection.all(Note.self, "ORDER BY id").map(\.endsAt) == [nil, time(1, milliseconds: 7)])
            #expect(try connection.first(Note.self, "WHERE id = ?", .integer(1)) == note)
            #expect(throws: StorageError.notFound) { try connection.update(note, key: 3) }
            #expect(try connection.first(Note.self, "WHERE id = ?", .integer(3)) == nil)
        }
    }

    @Test("many rows are inserted by one statement; when one is refused, it is ready for the next")
    func many() throws {
        try withNotes { connection in
            try connection.execute(script: "CREATE UNIQUE INDEX notes_text ON notes (text)")
            func notes(_ texts: [String]) -> [Note] {
                texts.map { Note(id: 0, text: $0, colour: .red, isOpen: false) }
            }
            #expect(throws: SQLiteError.self) {
                try connection.write { try $0.insert(contentsOf: notes(["a", "b", "a", "c"])) }
            }
            #expect(try connection.integers("SELECT COUNT(*) FROM notes") == [0])
            try connection.write { try $0.insert(contentsOf: notes((0..<600).map { "\($0)" })) }
            #expect(try connection.all(Note.self, "ORDER BY id").map(\.text) == (0..<600).map { "\($0)" })
            try connection.insert(contentsOf: notes([]))
        }
    }

    @Test("a damaged row is an error that names the column and shows nothing of the row")
    func damaged() throws {
        try withNotes { connection in
            for (values, expected) in [
                ("(1, 'hidden', 3, 1, NULL)", RowError.unknownChoice(column: "colour")),
                ("(1, 'hidden', \(Int64.max), 1, NULL)", .unknownChoice(column: "colour")),
                ("(1, x'00', 1, 1, NULL)", .wrongType(column: "text")),
                ("(1, NULL, 1, 1, NULL)", .missing(column: "text")),
                ("(1, 'hidden', 1, 1, 'hidden')", .wrongType(column: "ends_at")),
            ] {
                try connection.run("DELETE FROM notes")
                try connection.run("INSERT INTO notes VALUES \(values)")
                let error = #expect(throws: RowError.self) { try connection.all(Note.self, "") }
                #expect(error == expected)
                let mapped = error.map { "\(ErrorMapping.error($0, path: "p"))" } ?? ""
                #expect(mapped.contains(expected.column))
                #expect(!mapped.contains("hidden"))
            }
        }
    }

    @Test("JSON that other hands damaged is an error of that column")
    func damagedJSON() async throws {
        let scratch = try Scratch()
        let handle = try scratch.open()
        defer { handle.close() }
        _ = try await handle.storage.servers.insert(server("u"))
        try execute(scratch.database, "UPDATE servers SET ddns_profiles = 'hidden{'")
        await #expect(throws: StorageError.failed("column ddns_profiles cannot be read")) {
            try await handle.storage.servers.servers()
        }
        try execute(scratch.database, "UPDATE servers SET ddns_profiles = '[]'")
        #expect(try await handle.storage.servers.servers().count == 1)
    }

    @Test("times are kept to the nearest millisecond, and impossible ones at the end of what can be stored")
    func times() {
        #expect(Date(timeIntervalSince1970: 1.0004).storedMilliseconds == 1000)
        #expect(Date(timeIntervalSince1970: 1.0006).storedMilliseconds == 1001)
        #expect(Date(timeIntervalSince1970: -0.0016).storedMilliseconds == -2)
        for value in [1e300, .infinity] { #expect(Date(timeIntervalSince1970: value).storedMilliseconds == .max) }
        #expect(Date(timeIntervalSince1970: -1e300).storedMilliseconds == .min)
        for milliseconds: Int64 in [0, 1, -1, 1_795_954_814_921, 253_402_300_799_999] {
            #expect(Date(storedMilliseconds: milliseconds).storedMilliseconds == milliseconds)
        }
    }

    @Test("lists of scopes and server ids forgive what other hands wrote")
    func lists() throws {
        #expect(ScopeText.scopes(" a ,b,, \u{200B}c\n") == ["a", "b", "c"])
        #expect(ScopeText.scopes("") == [])
        #expect(try ScopeText.text(["a", "b c"]) == "a,b c")
        for scope in ["a,", "", " a", "a\u{200B}", ",\u{301}"] {
            #expect(throws: StorageError.self, "\(scope)") { try ScopeText.text([scope]) }
        }
        #expect(ServerIDText.serverIDs("") == [])
        #expect(ServerIDText.serverIDs(" 4,x,,0,7,-1") == [4, 7])
        #expect(ServerIDText.serverIDs("x") == [0])
        #expect(ServerIDText.serverIDs(",") == [0])
        #expect(ServerIDText.serverIDs("99999999999999999999") == [0])
    }
}
