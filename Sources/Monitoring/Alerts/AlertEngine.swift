package import AgentLink
package import Logging
package import Settings
package import Storage
import Synchronization
import Texts

package import struct FoundationEssentials.Date

/// Looks at every server each three seconds by the rules that there are, tells of incidents and of their end, and runs the
/// tasks that belong to them (`engines.md` 4).
package final class AlertEngine: Sendable {
    static let interval = Duration.seconds(3)
    static let firstPause = Duration.seconds(13)

    private let evaluator: Mutex<AlertEvaluator>
    private let rows: any ResourceRepository<AlertRuleForm>
    private let roster: any Roster
    private let network: any AgentNetwork
    private let notifier: Notifier
    private let tasks: TaskEngine
    private let traffic: TrafficEngine
    private let settings: any SettingsStore
    private let logger: Logger
    private let now: @Sendable () -> Date

    package init(
        storage: Storage, roster: any Roster, network: any AgentNetwork, notifier: Notifier, tasks: TaskEngine,
        traffic: TrafficEngine, settings: any SettingsStore, logger: Logger,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        evaluator = Mutex(AlertEvaluator(start: now()))
        rows = storage.rows(of: AlertRuleForm.self)
        self.roster = roster
        self.network = network
        self.notifier = notifier
        self.tasks = tasks
        self.traffic = traffic
        self.settings = settings
        self.logger = logger
        self.now = now
    }

    /// Reads the rules, and hears of their changes from then on.
    package func load() async throws {
        rows.observe { [weak self] change in
            self?.evaluator.withLock { evaluator in
                switch change {
                case .saved(let row): evaluator.set(row)
                case .deleted(let ids): for id in ids { evaluator.remove(id) }
                }
            }
        }
        let kept = try await rows.all()
        evaluator.withLock { evaluator in for row in kept { evaluator.set(row) } }
    }

    /// The running cycles, for pages.
    package var cycles: [AlertEvaluator.CycleStatistics] { evaluator.withLock { $0.statistics } }

    /// Evaluates until the surrounding task is cancelled.
    package func run() async {
        try? await Task.sleep(for: Self.firstPause)
        while !Task.isCancelled {
            await evaluate()
            try? await Task.sleep(for: Self.interval)
        }
    }

    /// Once; the tests' way to an evaluation.
    package func evaluate() async {
        let servers = roster.servers
        let presence = await network.presence(of: servers.map(\.id))
        let readings = servers.map { AlertReading(server: $0, presence: presence[$0.id]) }
        let date = now()
        let (events, rules) = evaluator.withLock { evaluator in
            let events = evaluator.evaluate(
                readings, at: date,
                isAdministrator: roster.isAdministrator, traffic: { traffic.sum(of: $0, since: $1) })
            return (events, events.map { evaluator.rule($0.rule) })
        }
        guard !events.isEmpty else { return }
        let byServer = Dictionary(readings.map { ($0.server.id, $0) }, uniquingKeysWith: { first, _ in first })
        for (event, rule) in zip(events, rules) {
            if case .tooMuch(let id) = event {
                logger.warning(
                    "an alert rule is not looked at: the rules of its owner want too many samples",
                    metadata: ["rule": "\(id)"])
            }
            guard let rule, let reading = event.server.flatMap({ byServer[$0] }) else { continue }
            await act(event, rule, reading)
        }
    }

    private func act(_ event: AlertEvaluator.Event, _ rule: Owned<AlertRuleForm>, _ reading: AlertReading) async {
        let (form, server) = (rule.form, reading.server)
        let geoIP = reading.presence?.geoIP
        let address = MaskedAddress.shown(
            geoIP?.ipv4 ?? "", geoIP?.ipv6 ?? "", isPlain: settings.current.enablePlainIPInNotification)
        let snapshot = ServerSnapshot(server, reading.presence)
        let (incident, resolved) = ("incident-\(rule.id)-\(server.id)", "resolved-\(rule.id)-\(server.id)")
        let group = form.notificationGroupID
        switch event {
        case .incident(_, _, let isFirst):
            notifier.unmute(group: group, resolved)
            let isTold = notifier.notify(
                group: group, "[Incident] \(server.name)(\(address)) \(form.name)", server: snapshot, muting: incident)
            guard isFirst || isTold else { return }
            await tasks.trigger(form.failTriggerTasks, by: rule.owner, on: server.id)
        case .resolved:
            notifier.unmute(group: group, incident)
            notifier.notify(
                group: group, "[Resolved] \(server.name)(\(address)) \(form.name)", server: snapshot, muting: resolved)
            await tasks.trigger(form.recoverTriggerTasks, by: rule.owner, on: server.id)
        case .tooMuch: break
        }
    }
}

extension AlertEvaluator.Event {
    var rule: Int64 {
        switch self {
        case .incident(let rule, _, _), .resolved(let rule, _), .tooMuch(let rule): rule
        }
    }

    var server: Int64? {
        switch self {
        case .incident(_, let server, _), .resolved(_, let server): server
        case .tooMuch: nil
        }
    }
}
