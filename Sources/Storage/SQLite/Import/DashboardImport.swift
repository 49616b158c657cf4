import CSQLite

/// Brings the rows of a Nezha dashboard over, all in one transaction. Ids stay, so that what refers to a row by its id
/// (token lists, pages in bookmarks, agents' transfers) still does.
final class DashboardImport {
    let old: OldDatabase
    let connection: Connection
    let secrets: ImportSecrets
    let forms: [any Form.Type]
    let calendar: ImportCalendar
    private let progress: (Int, Int) -> Void
    private var done = 0
    private var total = 0
    var report = ImportReport()

    /// - Parameter progress: how many rows of how many have been looked at.
    init(
        old: OldDatabase, connection: Connection, secrets: ImportSecrets, calendar: ImportCalendar,
        forms: [any Form.Type], progress: @escaping (Int, Int) -> Void
    ) {
        self.old = old
        self.connection = connection
        self.secrets = secrets
        self.calendar = calendar
        self.forms = forms
        self.progress = progress
    }

    /// - Throws: ``ImportError/notEmpty``.
    func run() throws -> ImportReport {
        let here = try connection.integers("SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM servers)")
        guard here == [0] else { throw ImportError.notEmpty }
        let sources = FormSource.all.filter { source in forms.contains { $0.table == source.table } }
        let records =
            [
                "users", "oauth2_binds", "servers", "api_tokens", "server_transfers", "nz_waf", "mcp_audit_logs",
                "transfers",
            ] + (keepsMonitors ? ["service_histories"] : [])
        total = try (records + sources.map(\.old)).reduce(0) { $0 + (try old.count($1)) }
        try users()
        try bindings()
        try servers()
        // Members before the groups that list them.
        for source in sources.sorted(by: { $0.list == nil && $1.list != nil }) {
            guard let form = forms.first(where: { $0.table == source.table }) else { continue }
            try bring(source, as: form)
        }
        try tokens()
        try transfers()
        try strikes()
        try audit()
        try traffic()
        try monitorDays()
        try leaveBehind(besides: sources)
        return report
    }

    var keepsMonitors: Bool { forms.contains { $0.table == ServiceForm.table } }

    // MARK: Rows

    /// Brings the rows of one old table, and counts.
    /// - Parameter body: throws ``Unfit`` for a row that cannot be brought.
    func each(
        _ table: String, as name: String, into newTable: String?, _ body: (OldDatabase.Row) throws -> Void
    ) throws {
        guard old.has(table) else { return }
        var kind = ImportReport.Kind(name: name, found: 0, brought: 0)
        try old.each(table) { row in
            kind.found += 1
            do {
                try body(row)
                kind.brought += 1
            } catch let unfit as Unfit {
                report.skipped.append(.init(kind: name, id: row.id, reason: unfit.reason))
            } catch let error as SQLiteError where error.kind == SQLITE_CONSTRAINT {
                report.skipped.append(.init(kind: name, id: row.id, reason: "not valid here: \(error.message)"))
            }
            advance()
        }
        if let newTable { try reserveIDs(of: table, in: newTable) }
        report.kinds.append(kind)
    }

    /// A row more has been looked at.
    func advance() {
        done += 1
        if done % 64 == 0 || done == total { progress(done, total) }
    }

    /// Ids that were given once are not given again: tokens list servers by them.
    private func reserveIDs(of table: String, in newTable: String) throws {
        let highest = try old.highestID(table)
        guard highest > 0 else { return }
        try connection.run("DELETE FROM sqlite_sequence WHERE name = ? AND seq < ?", .text(newTable), .integer(highest))
        try connection.run(
            """
            INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2 \
            WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)
            """, .text(newTable), .integer(highest))
    }

    func insert(_ table: String, _ columns: KeyValuePairs<String, SQLValue>) throws {
        try insert(table, columns.map { ($0.key, $0.value) })
    }

    func insert(_ table: String, _ columns: [(String, SQLValue)]) throws {
        let names = columns.map { "\"\($0.0)\"" }.joined(separator: ", ")
        let places = columns.map { _ in "?" }.joined(separator: ", ")
        try connection.run("INSERT INTO \(table) (\(names)) VALUES (\(places))", columns.map(\.1))
    }

    /// Why a row stays behind.
    struct Unfit: Error {
        var reason: String
    }
}

extension OldDatabase.Row {
    /// When the row was made and changed; Unix milliseconds.
    var times: (created: SQLValue, updated: SQLValue) {
        let created = self["created_at"].oldTime ?? 0
        return (.integer(created), .integer(self["updated_at"].oldTime ?? created))
    }
}
