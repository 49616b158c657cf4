import CSQLite

// What was counted over there. There can be millions of rows, so that what stays behind is told by number alone, and no more
// is in memory than what belongs to one server or one monitor.

extension DashboardImport {
    /// Hours are labelled as they are over there; several rows of one hour become one (`engines-details.md` 1).
    func traffic() throws {
        var hours: [Int64: (bytesIn: Int64, bytesOut: Int64)] = [:]
        try history("transfers", as: "hours of traffic", of: "server_id", in: "servers", called: "server") { row in
            guard let time = row["created_at"].oldTime, time >= 0 else { throw Unfit(reason: "no time") }
            guard let bytesIn = row["in"].oldInteger, let bytesOut = row["out"].oldInteger, bytesIn >= 0, bytesOut >= 0
            else { throw Unfit(reason: "no number of bytes") }
            let hour = time / 1000 - time / 1000 % 3600
            let known = hours[hour] ?? (0, 0)
            hours[hour] = (
                known.bytesIn.addingSaturated(bytesIn), known.bytesOut.addingSaturated(bytesOut)
            )
        } finish: { server in
            for (hour, sums) in hours.sorted(by: { $0.key < $1.key }) where sums != (0, 0) {
                try keep(
                    TrafficHourForm(serverID: server, hour: hour, bytesIn: sums.bytesIn, bytesOut: sums.bytesOut),
                    at: hour)
            }
            hours = [:]
        }
    }

    /// Rows without a server hold what a monitor saw in a while; the days of the last month come of them
    /// (`engines-details.md` 2).
    func monitorDays() throws {
        guard keepsMonitors else { return try leave("service_histories", "results of monitors", "not kept here") }
        let first = calendar.startOfDay(calendar.now) - 30 * 86_400
        var days: [Int64: (up: Int64, down: Int64, delays: Double)] = [:]
        try history(
            "service_histories", as: "results of monitors", of: "service_id", in: "services", called: "monitor"
        ) { row in
            guard row["server_id"].oldInteger ?? 0 == 0 else {
                throw Unfit(reason: "delays of single servers are metrics, whose history stays behind")
            }
            guard let time = row["created_at"].oldTime, time >= 0 else { throw Unfit(reason: "no time") }
            let day = calendar.startOfDay(time / 1000)
            guard day >= first else { throw Unfit(reason: "older than the 30 days that are kept") }
            guard let up = row["up"].oldInteger, let down = row["down"].oldInteger, up >= 0, down >= 0 else {
                throw Unfit(reason: "no number of results")
            }
            let delay = row["avg_delay"].oldReal.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil } ?? 0
            let known = days[day] ?? (0, 0, 0)
            days[day] = (
                known.up.addingSaturated(up), known.down.addingSaturated(down), known.delays + delay * Double(up)
            )
        } finish: { service in
            for (day, sums) in days.sorted(by: { $0.key < $1.key }) where (sums.up, sums.down) != (0, 0) {
                let delay = sums.up == 0 ? 0 : sums.delays / Double(sums.up)
                try keep(
                    ServiceDayForm(serviceID: service, day: day, up: sums.up, down: sums.down, delay: delay), at: day)
            }
            days = [:]
        }
    }

    /// Counts the rows of one old table, those of one owner after the other.
    /// - Parameters:
    ///   - owners: the table here in which whom they are about must stand.
    ///   - count: throws ``Unfit`` for a row that cannot be brought.
    ///   - finish: after the last row of an owner who is here.
    private func history(
        _ table: String, as name: String, of column: String, in owners: String, called noun: String,
        _ count: (OldDatabase.Row) throws -> Void, finish: (Int64) throws -> Void
    ) throws {
        guard old.has(table) else { return }
        var kind = ImportReport.Kind(name: name, found: 0, brought: 0)
        var unfit: [String: Int] = [:]
        var owner: (id: Int64, isHere: Bool)?
        try old.each(table, by: column) { row in
            kind.found += 1
            let id = row[column].oldInteger ?? 0
            if owner?.id != id {
                if let owner, owner.isHere { try finish(owner.id) }
                owner = (id, try connection.exists(id, in: owners))
            }
            do {
                guard owner?.isHere ?? false else { throw Unfit(reason: "the \(noun) does not exist") }
                try count(row)
                kind.brought += 1
            } catch let error as Unfit {
                unfit[error.reason, default: 0] += 1
            }
            advance()
        }
        if let owner, owner.isHere { try finish(owner.id) }
        report.kinds.append(kind)
        for (reason, count) in unfit.sorted(by: { $0.key < $1.key }) {
            report.left.append(.init(name: name, count: count, reason: reason))
        }
    }

    /// - Parameter second: when it began, Unix seconds.
    private func keep<Content: Form>(_ form: Content, at second: Int64) throws {
        let time = SQLValue.integer(second * 1000)
        let columns = try FormEncoder.members(of: form).map { ($0.name, $0.value) }
        try insert(Content.table, [("user_id", .integer(0)), ("created_at", time), ("updated_at", time)] + columns)
    }
}

extension Int64 {
    fileprivate func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, isTooLarge) = addingReportingOverflow(other)
        return isTooLarge ? .max : sum
    }
}
