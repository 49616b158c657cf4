package import AgentLink
package import Logging
import Primitives
package import Storage
import Synchronization
import Texts
package import TimeZones

package import struct FoundationEssentials.Date

/// Runs commands on servers: by the clock, by hand, and when an alert or a monitor triggers them (`engines.md` 6).
package final class TaskEngine: Sendable {
    /// Results that wait to be worked on.
    static let capacity = 4096
    /// Bytes of an output that a message shows.
    static let outputLimit = 4096

    private struct State {
        var tasks: [Int64: Owned<CronForm>] = [:]
        var timetable: TaskTimetable
        var pending = PendingResults()
    }

    private let refused = Atomic<Int>(0)
    private let state: Mutex<State>
    private let rows: any ResourceRepository<CronForm>
    private let roster: any Roster
    private let network: any AgentNetwork
    private let events: AgentEvents
    private let notifier: Notifier
    private let logger: Logger
    private let now: @Sendable () -> Date

    /// - Parameter zone: that of schedules which name none.
    package init(
        storage: Storage, roster: any Roster, network: any AgentNetwork, events: AgentEvents, notifier: Notifier,
        zone: Zone, logger: Logger, now: @escaping @Sendable () -> Date = { Date() }
    ) {
        rows = storage.rows(of: CronForm.self)
        state = Mutex(State(timetable: TaskTimetable(zone: zone)))
        self.roster = roster
        self.network = network
        self.events = events
        self.notifier = notifier
        self.logger = logger
        self.now = now
    }

    /// Reads the tasks, and hears of their changes from then on. Schedules that cannot be read are told to their groups.
    package func load() async throws {
        rows.observe { [weak self] change in self?.take(change) }
        var unreadable: [Int64: [Int64]] = [:]
        for row in try await rows.all() where !put(row) {
            unreadable[row.form.notificationGroupID, default: []].append(row.id)
        }
        for (group, ids) in unreadable {
            let list = ids.sorted().map { "\($0)," }.joined()
            logger.warning("tasks with a schedule that cannot be read", metadata: ["ids": "\(list)"])
            notifier.notify(
                group: group,
                """
                Tasks failed to register: [\(list)] These tasks will not execute properly. Fix them in the admin dashboard.
                """)
        }
    }

    private func take(_ change: FormChange<CronForm>) {
        switch change {
        case .saved(let row):
            let isEdited = state.withLock { $0.tasks[row.id] }.map { !$0.form.saysTheSame(as: row.form) } ?? true
            if isEdited { state.withLock { $0.pending.forget(task: row.id) } }
            _ = put(row)
        case .deleted(let ids):
            state.withLock { state in
                for id in ids {
                    state.tasks[id] = nil
                    state.timetable.remove(id)
                    state.pending.forget(task: id)
                }
            }
        }
    }

    /// - Returns: whether its schedule can be read.
    private func put(_ row: Owned<CronForm>) -> Bool {
        let instant = Int64(now().timeIntervalSince1970)
        return state.withLock { state in
            state.tasks[row.id] = row
            guard row.form.taskType == 0 else {
                state.timetable.remove(row.id)
                return true
            }
            do {
                try state.timetable.set(row.id, row.form.scheduler, at: instant)
                return true
            } catch {
                return false
            }
        }
    }

    /// Results that came from servers which were not asked.
    package var refusedResults: Int { refused.load(ordering: .relaxed) }

    // MARK: Running

    /// Runs what is due and works on results until the surrounding task is cancelled.
    package func run() async {
        let results = events.subscribe(to: .results, capacity: Self.capacity, as: "tasks")
        await withDiscardingTaskGroup { group in
            group.addTask { await self.keepTime() }
            for await event in results.events {
                guard case .result(.command, let id, let reply) = event.content else { continue }
                await take(reply, of: Int64(clamping: id), from: event.server, at: event.time)
            }
            group.cancelAll()
        }
    }

    private func keepTime() async {
        while !Task.isCancelled {
            await runDue()
            try? await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Once; the tests' way to a moment.
    func runDue() async {
        let instant = Int64(now().timeIntervalSince1970)
        let due = state.withLock { state in state.timetable.due(at: instant).compactMap { state.tasks[$0] } }
        for task in due { await run(task) }
    }

    /// Runs a task now on all servers that it covers. One that only its trigger's server runs does nothing.
    package func run(_ task: Owned<CronForm>) async {
        let servers = roster.servers(of: task.owner).filter { task.form.covers($0.id) }
        for server in servers { await send(task, to: server) }
    }

    /// Runs tasks that an alert or a monitor triggers.
    /// - Parameters:
    ///   - owner: of the alert or monitor; only what they may run is run.
    ///   - server: where it happened.
    package func trigger(_ ids: [Int64], by owner: Int64, on server: Int64) async {
        for id in ids {
            guard let task = state.withLock({ $0.tasks[id] }), roster.mayTrigger(task.owner, by: owner) else {
                continue
            }
            guard task.form.cover == 2 else {
                await run(task)
                continue
            }
            guard let record = roster.server(id: server), roster.reaches(record, owner: task.owner) else { continue }
            state.withLock { $0.pending.note(task: id, server: server, at: now().timeIntervalSince1970) }
            await send(task, to: record)
        }
    }

    private func send(_ task: Owned<CronForm>, to server: ServerRecord) async {
        do {
            try await network.send(.command, id: UInt64(task.id), body: task.form.command, to: server.id)
        } catch {
            notifier.notify(
                group: task.form.notificationGroupID,
                "[Task failed] \(task.form.name): server \(server.name) is offline and cannot execute the task",
                server: await notifier.snapshot(of: server))
        }
    }

    // MARK: Results

    private func take(_ reply: AgentTaskReply, of id: Int64, from server: Int64, at time: Date) async {
        guard let task = state.withLock({ $0.tasks[id] }), let record = roster.server(id: server),
            roster.reaches(record, owner: task.owner)
        else {
            refused.add(1, ordering: .relaxed)
            return
        }
        let isExpected =
            task.form.cover == 2
            ? state.withLock { $0.pending.take(task: id, server: server, at: time.timeIntervalSince1970) }
            : task.form.covers(server)
        guard isExpected else {
            refused.add(1, ordering: .relaxed)
            return
        }
        await tell(reply, of: task, from: record)
        let delay = reply.delay.isFinite ? max(0, min(reply.delay, 86_400)) : 0
        let began = time.addingTimeInterval(-Double(delay))
        do {
            try await rows.update(id: id) { row in
                row.form.lastExecutedAt = Moment(began)
                row.form.lastResult = reply.successful
            }
        } catch StorageError.notFound {
            // Deleted while it ran.
        } catch {
            logger.warning("the result of a task was not stored", metadata: ["task": "\(id)", "error": "\(error)"])
        }
    }

    private func tell(_ reply: AgentTaskReply, of task: Owned<CronForm>, from server: ServerRecord) async {
        guard !reply.successful || task.form.pushSuccessful, task.form.notificationGroupID != 0 else { return }
        let output = reply.data.cut(toBytes: Self.outputLimit)
        let (name, place) = (task.form.name, server.name)
        notifier.notify(
            group: task.form.notificationGroupID,
            reply.successful
                ? "[Scheduled Task Executed Successfully] \(name), \(place)\n\(output)"
                : "[Scheduled Task Executed Failed] \(name), \(place)\n\(output)",
            server: await notifier.snapshot(of: server))
    }
}

extension CronForm {
    /// Whether the task runs on the server by itself, whoever triggers it.
    fileprivate func covers(_ server: Int64) -> Bool {
        switch cover {
        case 0: servers.contains(server)
        case 1: !servers.contains(server)
        default: false
        }
    }

    /// Whether nothing but the outcome of its runs sets them apart.
    fileprivate func saysTheSame(as other: CronForm) -> Bool {
        var other = other
        (other.lastExecutedAt, other.lastResult) = (lastExecutedAt, lastResult)
        return self == other
    }
}
