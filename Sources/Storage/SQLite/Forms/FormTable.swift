import Primitives

/// The table of a form, and the statements that its members make.
struct FormTable<Content: Form> {
    let members: [FormMember]
    /// `SELECT` of all columns, to which `WHERE` and `ORDER BY` may be added.
    let selection: String
    let insertion: String
    /// By the id, which is the last value.
    let update: String
    /// Where each member stands in ``selection``.
    let places: [String: Int32]

    /// Columns that every table has before those of its form.
    private static var head: [String] { ["id", "user_id", "created_at", "updated_at"] }

    init() {
        do {
            members = try Self.columns(of: Content())
        } catch {
            // An empty form throws for a member that no column can hold: a mistake of the program, found at start.
            preconditionFailure("the members of \(Content.table) cannot be listed")
        }
        let names = members.map { "\"\($0.name)\"" }
        let written = Self.head.dropFirst() + names
        selection = "SELECT \((Self.head + names).joined(separator: ", ")) FROM \(Content.table)"
        insertion = """
            INSERT INTO \(Content.table) (\(written.joined(separator: ", "))) \
            VALUES (\(written.map { _ in "?" }.joined(separator: ", ")))
            """
        update = """
            UPDATE \(Content.table) SET \((["updated_at"] + names).map { "\($0) = ?" }.joined(separator: ", ")) \
            WHERE id = ?
            """
        let first = Int32(Self.head.count)
        places = Dictionary(
            uniqueKeysWithValues: members.enumerated().map { ($1.name, first + Int32($0)) })
    }

    /// The members that are columns of the form's own table.
    private static func columns(of form: Content) throws -> [FormMember] {
        try FormEncoder.members(of: form).filter { $0.name != Content.members?.key }
    }

    func values(of form: Content) throws -> [SQLValue] { try Self.columns(of: form).map(\.value) }

    /// The row of that id, or all by id; with their lists.
    func rows(_ connection: Connection, id: Int64? = nil) throws -> [Owned<Content>] {
        let lists = try lists(connection, of: id)
        let condition = id == nil ? "ORDER BY id" : "WHERE id = ?"
        return try connection.rows("\(selection) \(condition)", id.map { [.integer($0)] } ?? []) { statement in
            let id = try statement.integer(at: 0, column: "id")
            let list = Content.members.map { (key: $0.key, ids: lists[id, default: []]) }
            return Owned(
                id: id, owner: try statement.integer(at: 1, column: "user_id"),
                createdAt: .init(storedMilliseconds: try statement.integer(at: 2, column: "created_at")),
                updatedAt: .init(storedMilliseconds: try statement.integer(at: 3, column: "updated_at")),
                form: try Content(from: FormDecoder(statement: statement, places: places, list: list)))
        }
    }
}

// MARK: Lists of members

extension FormTable {
    /// - Parameter row: the id of the one whose list is wanted; `nil` for all.
    private func lists(_ connection: Connection, of row: Int64?) throws -> [Int64: [Int64]] {
        guard let list = Content.members else { return [:] }
        let pairs = try connection.rows(
            """
            SELECT \(list.ownerColumn), \(list.memberColumn) FROM \(list.table)\
            \(row == nil ? "" : " WHERE \(list.ownerColumn) = ?") ORDER BY position, \(list.memberColumn)
            """, row.map { [.integer($0)] } ?? []
        ) { (try $0.integer(at: 0, column: list.ownerColumn), try $0.integer(at: 1, column: list.memberColumn)) }
        return Dictionary(grouping: pairs, by: \.0).mapValues { $0.map(\.1) }
    }

    /// Writes the difference only, so that saving an unchanged list is no change.
    func setList(_ form: Content, of id: Int64, _ connection: Connection) throws {
        guard let list = Content.members else { return }
        let member = try FormEncoder.members(of: form).first { $0.name == list.key }
        guard case .text(let text)? = member?.value else { return }
        let wanted = try FormJSON.value([Int64].self, text, column: list.key).unique
        let present = try lists(connection, of: id)[id, default: []]
        if present == wanted { return }
        for member in Set(present).subtracting(wanted) {
            try connection.run(
                "DELETE FROM \(list.table) WHERE \(list.ownerColumn) = ? AND \(list.memberColumn) = ?", .integer(id),
                .integer(member))
        }
        for (position, member) in wanted.enumerated() {
            try connection.run(
                """
                INSERT INTO \(list.table) (\(list.ownerColumn), \(list.memberColumn), position) VALUES (?, ?, ?) \
                ON CONFLICT DO UPDATE SET position = excluded.position
                """, .integer(id), .integer(member), .integer(position))
        }
    }
}

// MARK: Schema

extension FormTable {
    /// Makes the table, its indexes and that of the list, as far as they are not there: the table of server groups is
    /// older than forms.
    static func create(_ connection: Connection) throws {
        let table = Self()
        let columns = table.members.map { "\($0.definition),\n" }.joined()
        try connection.execute(
            script: """
                CREATE TABLE IF NOT EXISTS \(Content.table) (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    user_id INTEGER NOT NULL,
                    \(columns)created_at INTEGER NOT NULL,
                    updated_at INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX IF NOT EXISTS \(Content.table)_user_id ON \(Content.table) (user_id);
                """)
        for member in Content.unique {
            try connection.execute(
                script: """
                    CREATE UNIQUE INDEX \(Content.table)_\(member) ON \(Content.table) ("\(member)")
                        WHERE "\(member)" <> ''
                    """)
        }
        if let list = Content.members { try create(list, connection) }
    }

    private static func create(_ list: MemberList, _ connection: Connection) throws {
        try connection.execute(
            script: """
                CREATE TABLE IF NOT EXISTS \(list.table) (
                    \(list.ownerColumn) INTEGER NOT NULL REFERENCES \(Content.table) (id) ON DELETE CASCADE,
                    \(list.memberColumn) INTEGER NOT NULL REFERENCES \(list.memberTable) (id) ON DELETE CASCADE,
                    PRIMARY KEY (\(list.ownerColumn), \(list.memberColumn))
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX IF NOT EXISTS \(list.table)_\(list.memberColumn) ON \(list.table) (\(list.memberColumn));
                -- Lists keep the order in which they were given.
                ALTER TABLE \(list.table) ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
                """)
    }

    /// Adds the columns of members that the form has got since its table was made.
    static func extend(_ connection: Connection) throws {
        let present = try connection.rows("SELECT name FROM pragma_table_info(?)", [.text(Content.table)]) {
            try $0.text(at: 0, column: "name")
        }
        for member in Self().members where !present.contains(member.name) {
            try connection.execute(
                script: "ALTER TABLE \(Content.table) ADD COLUMN \(member.definition)\(member.fallback)")
        }
    }
}

extension FormMember {
    fileprivate var definition: String { "\"\(name)\" \(kind.rawValue)\(isOptional ? "" : " NOT NULL")" }

    /// What rows have that are older than the column.
    fileprivate var fallback: String {
        switch value {
        case .null: ""
        case .integer(let value): " DEFAULT \(value)"
        case .real(let value): " DEFAULT \(value)"
        case .text(let text): " DEFAULT '\(text.replacing("'", with: "''"))'"
        // ``FormEncoder`` makes none.
        case .blob: preconditionFailure("a form has no bytes")
        }
    }
}
