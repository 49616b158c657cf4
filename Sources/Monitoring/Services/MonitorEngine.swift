package import AgentLink
package import Logging
import Primitives
package import Storage
import Synchronization
import Texts
package import TimeZones

package import struct FoundationEssentials.Date

/// Has servers look at services from time to time, and judges what they see (`engines.md` 3).
package final class MonitorEngine: Sendable {
    /// Results that wait to be worked on.
    static let capacity = 16_384

    private struct Key: Hashable {
        var service: Int64
        var server: Int64
    }

    private struct State {
        var monitors: [Int64: Owned<ServiceForm>] = [:]
        var records: [Int64: MonitorRecord] = [:]
        var timetable = MonitorTimetable()
        var averages: [Key: PingAverage] = [:]
        var certificates: [Int64: CertificateWatch] = [:]
    }

    private let refused = Atomic<Int>(0)
    private let state = Mutex(State())
    private let rows: any ResourceRepository<ServiceForm>
    private let days: any ResourceRepository<ServiceDayForm>
    private let roster: any Roster
    private let network: any AgentNetwork
    private let events: AgentEvents
    private let notifier: Notifier
    private let tasks: TaskEngine
    private let metrics: MetricsStore?
    private let pings: Int
    private let zone: Zone
    private let logger: Logger
    private let now: @Sendable () -> Date

    /// - Parameters:
    ///   - metrics: keeps histories; `nil` where none are kept.
    ///   - pings: results of ICMP and TCP that make one of the history.
    ///   - zone: whose midnight ends a day.
    package init(
        storage: Storage, roster: any Roster, network: any AgentNetwork, events: AgentEvents, notifier: Notifier,
        tasks: TaskEngine, metrics: MetricsStore?, pings: Int, zone: Zone, logger: Logger,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        rows = storage.rows(of: ServiceForm.self)
        days = storage.rows(of: ServiceDayForm.self)
        self.roster = roster
        self.network = network
        self.events = events
        self.notifier = notifier
        self.tasks = tasks
        self.metrics = metrics
        self.pings = pings
        self.zone = zone
        self.logger = logger
        self.now = now
    }

    /// Reads the monitors and what is kept of their days, and hears of changes from then on. One of an unknown type is
    /// left alone: its number would be a command to the agents.
    package func load() async throws {
        rows.observe { [weak self] change in
            switch change {
            case .saved(let row): self?.put(row, isNew: true)
            case .deleted(let ids): self?.remove(ids)
            }
        }
        for row in try await rows.all() { put(row, isNew: false) }
        let (today, time) = (startOfToday, now().timeIntervalSince1970)
        let kept = try await days.all()
        state.withLock { state in
            // The last row of each says what it saw last.
            for day in kept.sorted(by: { $0.form.day < $1.form.day }) {
                let ago = (today - day.form.day + 43_200) / 86_400
                state.records[day.form.serviceID]?.restore(
                    MonitorRecord.Day(up: day.form.up, down: day.form.down, delay: day.form.delay), ago: Int(ago))
                state.records[day.form.serviceID]?.restore(
                    day.form.recent.map { MonitorRecord.Result(time: $0.at, isUp: $0.up) }, at: time)
            }
        }
    }

    private var startOfToday: Int64 { zone.startOfDay(at: Int64(now().timeIntervalSince1970)) }

    private func put(_ row: Owned<ServiceForm>, isNew: Bool) {
        guard AgentTaskType(probe: row.form.type) != nil else {
            logger.warning("a monitor of an unknown type is left alone", metadata: ["service": "\(row.id)"])
            return
        }
        let (time, today) = (now().timeIntervalSince1970, startOfToday)
        state.withLock { state in
            state.monitors[row.id] = row
            if state.records[row.id] == nil { state.records[row.id] = MonitorRecord(today: today) }
            state.timetable.set(row.id, every: row.form.duration == 0 ? 30 : row.form.duration, isNew: isNew, at: time)
        }
    }

    private func remove(_ ids: [Int64]) {
        state.withLock { state in
            for id in ids {
                (state.monitors[id], state.records[id], state.certificates[id]) = (nil, nil, nil)
                state.timetable.remove(id)
            }
            state.averages = state.averages.filter { !ids.contains($0.key.service) }
        }
    }

    // MARK: What pages ask

    /// The monitors in the order of lists, each with what is known of it.
    package var overview: [(monitor: Owned<ServiceForm>, record: MonitorRecord)] {
        let today = startOfToday
        var found: [(monitor: Owned<ServiceForm>, record: MonitorRecord)] = []
        state.withLock { state in
            for (id, monitor) in state.monitors {
                guard var record = state.records[id] else { continue }
                record.turn(to: today)
                state.records[id] = record
                found.append((monitor, record))
            }
        }
        return found.sorted { left, right in
            let (first, second) = (left.monitor.form.displayIndex, right.monitor.form.displayIndex)
            return first != second ? first > second : left.monitor.id < right.monitor.id
        }
    }

    /// Results that came from servers which were not asked, or of the wrong kind.
    package var refusedResults: Int { refused.load(ordering: .relaxed) }

    package func monitor(_ id: Int64) -> Owned<ServiceForm>? { state.withLock { $0.monitors[id] } }

    /// Whether the monitor's owner has this server look at it.
    package func asks(_ monitor: Owned<ServiceForm>, _ server: ServerRecord) -> Bool {
        roster.reaches(server, owner: monitor.owner) && monitor.form.covers(server.id)
    }

    // MARK: Running

    /// Asks and listens until the surrounding task is cancelled; then keeps the days.
    package func run() async {
        let results = events.subscribe(to: .results, capacity: Self.capacity, as: "monitors")
        await withDiscardingTaskGroup { group in
            group.addTask { await self.keepTime() }
            group.addTask { await self.keepDays() }
            for await event in results.events {
                guard case .result(let type, let id, let reply) = event.content, type.isProbe else { continue }
                await take(reply, type, of: Int64(clamping: id), from: event.server, at: event.time)
            }
            group.cancelAll()
        }
    }

    private func keepTime() async {
        while !Task.isCancelled {
            await askDue()
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Once; the tests' way to a moment.
    func askDue() async {
        let time = now().timeIntervalSince1970
        let due = state.withLock { state in state.timetable.due(at: time).compactMap { state.monitors[$0] } }
        for monitor in due { await ask(monitor) }
    }

    private func ask(_ monitor: Owned<ServiceForm>) async {
        guard let type = AgentTaskType(probe: monitor.form.type) else { return }
        for server in roster.servers(of: monitor.owner) where monitor.form.covers(server.id) {
            // Who is not there sees nothing.
            try? await network.send(type, id: UInt64(monitor.id), body: monitor.form.target, to: server.id)
        }
    }

    // MARK: Results

    func take(
        _ reply: AgentTaskReply, _ type: AgentTaskType, of id: Int64, from server: Int64, at time: Date
    ) async {
        guard let monitor = monitor(id), AgentTaskType(probe: monitor.form.type) == type,
            let reporter = roster.server(id: server), asks(monitor, reporter)
        else {
            refused.add(1, ordering: .relaxed)
            return
        }
        let delay = reply.delay.isFinite ? Double(max(0, reply.delay)) : 0
        let today = startOfToday
        let (sample, change) = state.withLock { state in
            let key = Key(service: id, server: server)
            let sample =
                type == .httpGet
                ? (delay: delay, isUp: reply.successful)
                : state.averages[key, default: PingAverage()].add(isUp: reply.successful, delay: delay, of: pings)
            var record = state.records[id] ?? MonitorRecord(today: today)
            record.turn(to: today)
            let change = record.add(isUp: reply.successful, delay: delay, at: time.timeIntervalSince1970)
            state.records[id] = record
            return (sample, change)
        }
        if let sample {
            metrics?.record(service: id, by: server, delay: sample.delay, isUp: sample.isUp, at: time)
        }
        tellLatency(delay, of: monitor, by: reporter)
        await judge(change, reply, of: monitor, by: reporter)
        tellCertificate(reply, of: monitor, by: reporter, at: time)
    }

    private func tellLatency(_ delay: Double, of monitor: Owned<ServiceForm>, by server: ServerRecord) {
        let form = monitor.form
        guard form.notify, form.latencyNotify, delay > 0 else { return }
        let (above, below) = ("latency-max-\(monitor.id)", "latency-min-\(monitor.id)")
        let shown = Figures.decimals(delay)
        let group = form.notificationGroupID
        if form.maxLatency > 0, delay > form.maxLatency {
            notifier.notify(
                group: group,
                "[Latency] \(form.name) \(shown) > \(Figures.decimals(form.maxLatency)), Reporter: \(server.name)",
                muting: above)
        } else {
            notifier.unmute(group: group, above)
        }
        if form.minLatency > 0, delay < form.minLatency {
            notifier.notify(
                group: group,
                "[Latency] \(form.name) \(shown) < \(Figures.decimals(form.minLatency)), Reporter: \(server.name)",
                muting: below)
        } else {
            notifier.unmute(group: group, below)
        }
    }

    private func judge(
        _ change: (before: MonitorRecord.Status, after: MonitorRecord.Status), _ reply: AgentTaskReply,
        of monitor: Owned<ServiceForm>, by server: ServerRecord
    ) async {
        let (before, after) = change
        guard after == .down || after != before else { return }
        let form = monitor.form
        if form.notify, before != .noData || after == .down {
            let subject = "service-\(monitor.id)"
            if before != after { notifier.unmute(group: form.notificationGroupID, subject) }
            notifier.notify(
                group: form.notificationGroupID, after.message(of: form.name, by: server.name, reply.data),
                muting: subject)
        }
        guard form.enableTriggerTask, before != .noData, before != after else { return }
        if after == .good {
            await tasks.trigger(form.recoverTriggerTasks, by: monitor.owner, on: server.id)
        } else if before == .good {
            await tasks.trigger(form.failTriggerTasks, by: monitor.owner, on: server.id)
        }
    }

    private func tellCertificate(
        _ reply: AgentTaskReply, of monitor: Owned<ServiceForm>, by server: ServerRecord, at time: Date
    ) {
        let form = monitor.form
        guard form.type == 1 else { return }
        let group = form.notificationGroupID
        let failing = "tls-\(monitor.id)"
        guard reply.successful else {
            guard form.notify, CertificateWatch.isCertificateError(reply.data) else { return }
            notifier.notify(
                group: group,
                "[TLS] Fetch cert info failed, Reporter: \(server.name), Error: \(reply.data.cut(toBytes: 1024))",
                muting: failing)
            return
        }
        let findings = state.withLock {
            $0.certificates[monitor.id, default: CertificateWatch()].look(
                reply.data, at: Int64(time.timeIntervalSince1970))
        }
        notifier.unmute(group: group, failing)
        guard form.notify else { return }
        for finding in findings {
            switch finding {
            case .expiring(let certificate):
                let text = CertificateWatch.text(certificate.expires, in: zone)
                notifier.notify(
                    group: group,
                    """
                    [TLS] \(form.name) The TLS certificate will expire within seven days. Expiration time: \(text)
                    """,
                    muting: "tls-\(monitor.id)-\(certificate.expires)")
            case .changed(let old, let new):
                let (oldEnd, newEnd) = (
                    CertificateWatch.text(old.expires, in: zone), CertificateWatch.text(new.expires, in: zone)
                )
                notifier.notify(
                    group: group,
                    """
                    [TLS] \(form.name) TLS certificate changed, old: issuer \(old.issuer), expires at \(oldEnd); new: \
                    issuer \(new.issuer), expires at \(newEnd)
                    """)
            }
        }
    }

    // MARK: Days

    /// Writes today's numbers and the last results every ten seconds, so that a crash loses no more, and clears what is older than shown.
    private func keepDays() async {
        var stored: [Int64: (row: Int64, day: Int64, numbers: MonitorRecord.Day)] = [:]
        repeat {
            await storeDays(&stored)
            // Cancelled: the loop ends.
            try? await Task.sleep(for: .seconds(10))
        } while !Task.isCancelled
        // This task is cancelled, and what is read in one is given up.
        let known = stored
        await Task {
            var known = known
            await self.storeDays(&known)
        }.value
    }

    private func storeDays(
        _ stored: inout [Int64: (row: Int64, day: Int64, numbers: MonitorRecord.Day)]
    ) async {
        let (today, time) = (startOfToday, now())
        let current: [(Int64, MonitorRecord.Day, [MonitorRecord.Result])] = state.withLock { state in
            state.records.keys.sorted().compactMap { id in
                state.records[id]?.turn(to: today)
                return state.records[id].flatMap { record in record.days.last.map { (id, $0, record.recent) } }
            }
        }
        do {
            if stored.isEmpty {
                let kept = try await days.all()
                for row in kept where row.form.day == today {
                    stored[row.form.serviceID] = (row.id, today, MonitorRecord.Day())
                }
                let old = kept.filter { today - $0.form.day > 31 * 86_400 }.map(\.id)
                if !old.isEmpty { try await days.delete(ids: old) { _ in } }
            }
            for (id, day, recent) in current where day.up + day.down > 0 {
                let form = ServiceDayForm(
                    serviceID: id, day: today, up: day.up, down: day.down, delay: day.delay,
                    recent: recent.map { ServiceDayForm.Result(at: $0.time, up: $0.isUp) })
                if let known = stored[id], known.day == today {
                    guard known.numbers != day else { continue }
                    try await days.update(id: known.row) { $0.form = form }
                    stored[id] = (known.row, today, day)
                } else {
                    stored[id] = (try await days.insert(form, owner: 0, at: time).id, today, day)
                }
            }
        } catch is CancellationError {
            // The gateway ends.
        } catch {
            logger.warning("the days of monitors were not stored", metadata: ["error": "\(error)"])
        }
    }
}

extension AgentTaskType {
    /// The probe of a monitor's type; no other number may become a task (`engines.md` 3).
    fileprivate init?(probe type: Int64) {
        switch type {
        case 1: self = .httpGet
        case 2: self = .icmpPing
        case 3: self = .tcpPing
        default: return nil
        }
    }

    fileprivate var isProbe: Bool { self == .httpGet || self == .icmpPing || self == .tcpPing }
}

extension ServiceForm {
    fileprivate func covers(_ server: Int64) -> Bool {
        let isMarked = skipServers.values[server] ?? false
        return cover == 1 ? isMarked : !isMarked
    }
}

extension MonitorRecord.Status {
    fileprivate func message(of name: String, by server: String, _ data: String) -> Message {
        let data = data.cut(toBytes: 1024)
        return switch self {
        case .noData: "[No Data] \(name) Reporter: \(server), Error: \(data)"
        case .good: "[Good] \(name) Reporter: \(server), Error: \(data)"
        case .lowAvailability: "[Low Availability] \(name) Reporter: \(server), Error: \(data)"
        case .down: "[Down] \(name) Reporter: \(server), Error: \(data)"
        }
    }
}
