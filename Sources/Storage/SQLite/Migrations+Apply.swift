extension Migrations {
    /// The table that names the steps which a file has seen; its name and shape are those of the first versions.
    static let register = "grdb_migrations"

    /// Brings the file up to date: each step that it has not seen is one transaction, all or nothing.
    static func apply(_ forms: [any Form.Type], to connection: Connection) throws {
        // Outside of a transaction, where alone it has an effect: a step may rebuild a table that others refer to.
        try connection.execute(script: "PRAGMA foreign_keys = OFF")
        let result = Result {
            try connection.run("CREATE TABLE IF NOT EXISTS \(register) (identifier TEXT NOT NULL PRIMARY KEY)")
            for step in steps(forms) { try connection.write { try apply(step, to: $0) } }
        }
        try connection.execute(script: "PRAGMA foreign_keys = ON")
        try result.get()
    }

    private static func apply(_ step: Step, to connection: Connection) throws {
        if try applied(connection).contains(step.identifier) { return }
        try step.apply(connection)
        try connection.run("INSERT INTO \(register) (identifier) VALUES (?)", .text(step.identifier))
        let dangling = try connection.rows("PRAGMA foreign_key_check", []) { try $0.text(at: 0, column: "table") }
        if let table = dangling.first {
            throw StorageError.failed("rows of \(table) refer to nothing after \(step.identifier)")
        }
    }

    /// The steps that the file has seen. The register must be there.
    static func applied(_ connection: Connection) throws -> [String] {
        try connection.rows("SELECT identifier FROM \(register)", []) { try $0.text(at: 0, column: "identifier") }
    }
}
