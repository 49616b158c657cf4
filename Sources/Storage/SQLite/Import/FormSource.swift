/// Where the rows of a form come from.
struct FormSource: Sendable {
    /// The rows in words.
    var name: String
    /// The table over there.
    var old: String
    /// The table here.
    var table: String
    /// Where the list of members stands.
    var list: List?

    struct List: Sendable {
        var table: String
        var owner: String
        var member: String
    }

    static let all = [
        FormSource(name: "notifications", old: "notifications", table: "notifications"),
        FormSource(
            name: "notification groups", old: "notification_groups", table: "notification_groups",
            list: List(
                table: "notification_group_notifications", owner: "notification_group_id", member: "notification_id")),
        FormSource(
            name: "server groups", old: "server_groups", table: "server_groups",
            list: List(table: "server_group_servers", owner: "server_group_id", member: "server_id")),
        FormSource(name: "alert rules", old: "alert_rules", table: "alert_rules"),
        FormSource(name: "scheduled tasks", old: "crons", table: "crons"),
        FormSource(name: "service monitors", old: "services", table: "services"),
        FormSource(name: "DDNS profiles", old: "ddns", table: "ddns_profiles"),
        FormSource(name: "tunnels", old: "nats", table: "nats"),
    ]
}

extension DashboardImport {
    func bring<Content: Form>(_ source: FormSource, as form: Content.Type) throws {
        let table = FormTable<Content>()
        let lists = try lists(of: source)
        try each(source.old, as: source.name, into: Content.table) { row in
            let columns = try table.members.map { ($0.name, try value(of: $0, in: row)) }
            let head: [(String, SQLValue)] = [
                ("id", .integer(row.id)), ("user_id", .integer(row["user_id"].oldInteger ?? 0)),
                ("created_at", row.times.created), ("updated_at", row.times.updated),
            ]
            try connection.run("SAVEPOINT form")
            do {
                try insert(Content.table, head + columns)
                try link(lists[row.id] ?? [], to: row.id, Content.members)
                // It is read as it will be read, and written as it would be written.
                guard let stored = try table.rows(connection, id: row.id).first else {
                    throw Unfit(reason: "it cannot be read")
                }
                let values = [row.times.updated] + (try table.values(of: stored.form)) + [.integer(row.id)]
                try connection.run(table.update, values)
            } catch {
                try connection.run("ROLLBACK TO form")
                try connection.run("RELEASE form")
                throw (error as? RowError).map { Unfit(reason: "\($0.column) cannot be read") } ?? error
            }
            try connection.run("RELEASE form")
        }
    }

    /// The members of each group over there.
    private func lists(of source: FormSource) throws -> [Int64: [Int64]] {
        var lists: [Int64: [Int64]] = [:]
        guard let list = source.list else { return lists }
        try old.each(list.table) { row in
            guard let owner = row[list.owner].oldInteger, let member = row[list.member].oldInteger else { return }
            lists[owner, default: []].append(member)
        }
        return lists
    }

    /// Members that exist; the others are gone over there, too.
    private func link(_ members: [Int64], to id: Int64, _ list: MemberList?) throws {
        guard let list else { return }
        for (position, member) in members.enumerated() where try connection.exists(member, in: list.memberTable) {
            try insert(
                list.table,
                [
                    (list.ownerColumn, .integer(id)), (list.memberColumn, .integer(member)),
                    ("position", .integer(position)),
                ])
        }
    }

    /// What a member has here; its default when there was no such column, or nothing in it. The column is named like the
    /// member, or so with `_raw` behind.
    private func value(of member: FormMember, in row: OldDatabase.Row) throws -> SQLValue {
        let names = [member.name, member.name + "_raw"]
        guard let found = names.lazy.map({ row[$0] }).first(where: { $0 != .null }) else { return member.value }
        switch member.kind {
        case .integer:
            if let number = found.oldInteger { return .integer(number) }
            guard case .text(let text) = found, let time = OldTime.milliseconds(text) else {
                throw Unfit(reason: "\(member.name) is no number and no time")
            }
            return member.isOptional && time <= OldTime.zero ? .null : .integer(time)
        case .real:
            guard let number = found.oldReal else { throw Unfit(reason: "\(member.name) is no number") }
            return .real(number)
        case .text:
            let text = found.oldText
            // Collections are JSON there as well, and may be null.
            guard case .text(let empty) = member.value, empty.hasPrefix("[") || empty.hasPrefix("{") else {
                return .text(text)
            }
            return text.isEmpty || text == "null" ? member.value : .text(text)
        }
    }
}
