import AgentLink
package import Storage

package import struct FoundationEssentials.Date

/// Judges rule sets by what servers report (`engines.md` 4). A state machine: no clock, no database, no agent; its owner
/// brings a reading of every server each three seconds, and does what the events say.
package struct AlertEvaluator: Sendable {
    package enum Event: Sendable, Equatable {
        /// All conditions of the rule fail on this server.
        /// - Parameter isFirst: `false` for one that goes on.
        case incident(rule: Int64, server: Int64, isFirst: Bool)
        case resolved(rule: Int64, server: Int64)
        /// The rules of its owner would keep more samples than ``AlertEvaluator/samplesOfOwner``: it is not looked at. Told
        /// once, until it is looked at again.
        case tooMuch(rule: Int64)
    }

    /// The running cycle of a rule set, for pages.
    package struct CycleStatistics: Sendable, Equatable {
        package var rule: Int64
        package var name: String
        package var from: Date
        package var to: Date
        package var max: Double
        package var min: Double
        /// Bytes, by server.
        package var transfer: [Int64: UInt64] = [:]
        package var nextUpdate: [Int64: Date] = [:]
    }

    /// Bytes of a server since an instant (Unix seconds).
    package typealias Traffic = (_ server: Int64, _ since: Int64) -> (bytesIn: UInt64, bytesOut: UInt64)

    /// What a cycle condition said of a server: until when it holds (Unix seconds), what, and of which cycle.
    fileprivate struct Verdict: Sendable {
        var next: Double = 0
        var fails = false
        var from: Int64 = 0
    }

    /// A rule set and what it knows of each server. By position of the server in an evaluation, which is a table's row for
    /// as long as the servers are the same: thousands of servers and dozens of rules are looked at each time.
    fileprivate struct RuleSet: Sendable {
        var row: Owned<AlertRuleForm>
        var conditions: [PreparedCondition]
        var statistics: CycleStatistics?
        /// By position: whether any condition looks at the server. Where none does, the set never fires.
        var isCovered: [Bool] = []
        /// By position: which of the places below is the server's; -1 until it is looked at.
        var places: [Int32] = []
        /// By place.
        var isFailing: [Bool] = []
        /// By place, then condition.
        var covers: [Bool] = []
        var windows: [FailWindow] = []
        var verdicts: [Verdict] = []
        /// It was found to be too much.
        var isLeftOut = false

        init(_ row: Owned<AlertRuleForm>, _ servers: [Int64]) {
            self.row = row
            conditions = row.form.rules.compactMap { PreparedCondition($0) }
            for server in servers { append(server) }
        }
    }

    /// Seconds without a report after which a server is offline.
    static let silence = 6.0
    /// Seconds after the start in which nobody counts as offline: agents wait before they connect again.
    static let startGrace = 60.0
    static let shortestCycleWait = 180.0
    /// Samples that all rules of one member may keep: 8 MiB, and what holds them.
    static let samplesOfOwner = 1 << 26
    /// What a window counts at least, since it takes more than its samples.
    static let leastSamples = 128
    static let cycleWait = 1800.0

    private var sets: [Int64: RuleSet] = [:]
    /// The servers of the last evaluation, by position.
    private var servers: [Int64] = []
    private let start: Double

    package init(start: Date) { self.start = start.timeIntervalSince1970 }

    /// Puts a rule set in; its samples begin anew, and what was failing is forgotten.
    package mutating func set(_ row: Owned<AlertRuleForm>) {
        sets[row.id] = row.form.enable ? RuleSet(row, servers) : nil
    }

    package mutating func remove(_ id: Int64) { sets[id] = nil }

    package func rule(_ id: Int64) -> Owned<AlertRuleForm>? { sets[id]?.row }

    /// Of enabled rule sets that have been looked at, by their ids.
    package var statistics: [CycleStatistics] {
        sets.values.compactMap(\.statistics).sorted { $0.rule < $1.rule }
    }

    /// - Parameter isAdministrator: whether an owner of rules is one, whose rules look at all servers.
    package mutating func evaluate(
        _ readings: [AlertReading], at now: Date, isAdministrator: (_ owner: Int64) -> Bool, traffic: Traffic
    ) -> [Event] {
        arrange(readings.map(\.server.id))
        var columns = AlertColumns(readings, at: now.timeIntervalSince1970)
        let isGrace = columns.time - start < Self.startGrace
        var events: [Event] = []
        var samples: [Int64: Int] = [:]
        for id in sets.keys.sorted() {
            guard let owner = sets[id]?.row.owner else { continue }
            let reached = columns.reached(by: owner, isAdministrator)
            let wanted = sets[id]?.samples(where: reached) ?? 0
            let isTooMuch =
                samples[owner, default: 0] + wanted > Self.samplesOfOwner && owner != 0 && !isAdministrator(owner)
            if !isTooMuch { samples[owner, default: 0] += wanted }
            if isTooMuch, sets[id]?.isLeftOut == false { events.append(.tooMuch(rule: id)) }
            sets[id]?.isLeftOut = isTooMuch
            guard !isTooMuch else { continue }
            sets[id]?.look(at: servers, where: reached, &columns, isGrace: isGrace, traffic, into: &events)
        }
        return events
    }

    /// Brings what is known of each server to its position of now; who is gone is forgotten.
    private mutating func arrange(_ now: [Int64]) {
        guard now != servers else { return }
        let old = Dictionary(servers.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        for id in sets.keys { sets[id]?.arrange(now, old) }
        servers = now
    }
}

extension AlertEvaluator.RuleSet {
    fileprivate mutating func append(_ server: Int64) {
        isCovered.append(conditions.contains { $0.covers(server) })
        places.append(-1)
    }

    /// The server's place, made when it is looked at for the first time.
    private mutating func place(of server: Int64, at position: Int) -> Int {
        if places[position] >= 0 { return Int(places[position]) }
        let place = isFailing.count
        places[position] = Int32(place)
        isFailing.append(false)
        let covered = conditions.map { $0.covers(server) }
        covers += covered
        // One that the condition does not look at never fails.
        windows += zip(conditions, covered).map { FailWindow(size: $1 ? $0.limits.duration : 1) }
        verdicts += conditions.map { _ in AlertEvaluator.Verdict() }
        return place
    }

    fileprivate mutating func arrange(_ servers: [Int64], _ old: [Int64: Int]) {
        let (was, width) = (self, conditions.count)
        (isCovered, places, isFailing, covers, windows, verdicts) = ([], [], [], [], [], [])
        for server in servers {
            guard let position = old[server] else {
                append(server)
                continue
            }
            isCovered.append(was.isCovered[position])
            let place = Int(was.places[position])
            guard place >= 0 else {
                places.append(-1)
                continue
            }
            places.append(Int32(isFailing.count))
            let slots = place * width..<(place + 1) * width
            isFailing.append(was.isFailing[place])
            covers += was.covers[slots]
            windows += was.windows[slots]
            verdicts += was.verdicts[slots]
        }
        guard var left = statistics else { return }
        let known = Set(servers)
        left.transfer = left.transfer.filter { known.contains($0.key) }
        left.nextUpdate = left.nextUpdate.filter { known.contains($0.key) }
        statistics = left
    }

    /// How many samples it keeps at most when its windows are full.
    fileprivate func samples(where reached: [Bool]) -> Int {
        let each = conditions.reduce(0) { $0 + max(AlertEvaluator.leastSamples, $1.limits.duration) }
        return each * reached.indices.count { reached[$0] && isCovered[$0] }
    }

    fileprivate mutating func look(
        at servers: [Int64], where reached: [Bool], _ columns: inout AlertColumns, isGrace: Bool,
        _ traffic: AlertEvaluator.Traffic, into events: inout [AlertEvaluator.Event]
    ) {
        let now = columns.time
        // Without references: what is read again and again for each server.
        let limits = conditions.map(\.limits)
        let values = limits.map { columns.values(of: $0.measure) }
        let cycles = conditions.map { $0.cycle?.cycle(at: Int64(now)) }
        let width = limits.count
        for (position, server) in servers.enumerated() where reached[position] && isCovered[position] {
            let place = place(of: server, at: position)
            var allFire = true
            for index in 0..<width {
                let slot = place * width + index
                var fails = false
                if covers[slot] {
                    if let cycle = cycles[index] {
                        fails = self.fails(conditions[index], cycle, slot, server, now, traffic)
                    } else {
                        fails = limits[index].fails(values[index][position], isGrace: isGrace)
                    }
                }
                windows[slot].add(fails)
                allFire = allFire && windows[slot].fires(limits[index].measure)
            }
            let wasFailing = isFailing[place]
            isFailing[place] = allFire
            if allFire {
                guard !wasFailing || row.form.triggerMode != 1 else { continue }
                events.append(.incident(rule: row.id, server: server, isFirst: !wasFailing))
            } else if wasFailing {
                events.append(.resolved(rule: row.id, server: server))
            }
        }
    }

    private mutating func fails(
        _ condition: PreparedCondition, _ bounds: (from: Int64, to: Int64), _ slot: Int, _ server: Int64,
        _ now: Double, _ traffic: AlertEvaluator.Traffic
    ) -> Bool {
        let (last, limits) = (verdicts[slot], condition.limits)
        // What was said of a cycle that is over holds no longer.
        guard last.from != bounds.from || last.next <= now else { return last.fails }
        let sums = traffic(server, bounds.from)
        let bytes =
            switch limits.measure {
            case .transferInCycle: sums.bytesIn
            case .transferOutCycle: sums.bytesOut
            default: sums.bytesIn &+ sums.bytesOut
            }
        let value = Double(bytes)
        let wait =
            limits.max > 0
            ? Swift.max(
                AlertEvaluator.shortestCycleWait,
                AlertEvaluator.cycleWait * (limits.max - value) / limits.max)
            : AlertEvaluator.shortestCycleWait
        let fails = limits.isOutside(value)
        verdicts[slot] = AlertEvaluator.Verdict(next: now + wait, fails: fails, from: bounds.from)
        note(bounds, condition, server, bytes, next: now + wait)
        return fails
    }

    private mutating func note(
        _ bounds: (from: Int64, to: Int64), _ condition: PreparedCondition, _ server: Int64, _ bytes: UInt64,
        next: Double
    ) {
        let (from, to) = (
            Date(timeIntervalSince1970: Double(bounds.from)), Date(timeIntervalSince1970: Double(bounds.to))
        )
        let first = (conditions.first { $0.limits.measure.isCycle } ?? condition).limits
        if statistics?.from != from || statistics?.to != to {
            statistics = AlertEvaluator.CycleStatistics(
                rule: row.id, name: row.form.name, from: from, to: to, max: first.max, min: first.min,
                transfer: statistics?.transfer ?? [:], nextUpdate: statistics?.nextUpdate ?? [:])
        }
        statistics?.transfer[server] = bytes
        statistics?.nextUpdate[server] = Date(timeIntervalSince1970: next)
    }
}
