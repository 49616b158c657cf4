import AgentLink
import FoundationEssentials
import Storage
import Synchronization
import TestSupport
import Texts

@testable import Monitoring

/// The engines, and what agents do in the hour of ``HourTests``.
final class SimulatedHour: Sendable {
    let world: EngineWorld
    private let servers: Int
    private let monitors: MonitorEngine
    private let traffic: TrafficEngine
    private let alerts: AlertEngine
    private let groups = Mutex<(alerts: Int64, monitors: Int64)>((0, 0))

    /// - Parameter servers: named `s1` and so on; the last ten are user 5's.
    init(servers: Int) throws {
        let world = try EngineWorld()
        let clock = world.clock
        self.world = world
        self.servers = servers
        let start = clock.now
        world.roster.change { list in
            list = (1...servers).map { id in
                ServerRecord(
                    id: Int64(id), userID: id > servers - 10 ? 5 : 1, uuid: "u-\(id)", name: "s\(id)", createdAt: start,
                    updatedAt: start)
            }
        }
        let now: @Sendable () -> Date = { clock.now }
        monitors = MonitorEngine(
            storage: world.storage, roster: world.roster, network: world.network, events: world.events,
            notifier: world.notifier, tasks: world.tasks, metrics: nil, pings: 2, zone: world.zone, logger: quiet,
            now: now)
        traffic = TrafficEngine(
            storage: world.storage, roster: world.roster, zone: world.zone, logger: quiet, now: now)
        world.events.add(traffic)
        alerts = AlertEngine(
            storage: world.storage, roster: world.roster, network: world.network, notifier: world.notifier,
            tasks: world.tasks, traffic: traffic, settings: world.settings, logger: quiet, now: now)
    }

    /// Stores rules, monitors and the task, and starts the engines.
    func begin(port: Int) async throws {
        let told = try await world.group(port: port, body: "alerts|#DATETIME#|#NEZHA#")
        let seen = try await world.group(port: port, body: "monitors|#DATETIME#|#NEZHA#")
        groups.withLock { $0 = (told, seen) }
        let rules = world.storage.rows(of: AlertRuleForm.self)
        for (owner, rule) in Self.rules(group: told, servers: servers) {
            _ = try await rules.insert(rule, owner: owner, at: world.clock.now)
        }
        for number in 1...50 {
            _ = try await world.storage.rows(of: ServiceForm.self).insert(
                Self.monitor(number, group: seen), owner: 1, at: world.clock.now)
        }
        var task = CronForm()
        (task.name, task.command, task.scheduler, task.servers) = ("nightly", "backup", "0 */20 * * * *", [198, 199])
        task.notificationGroupID = told
        _ = try await world.storage.rows(of: CronForm.self).insert(task, owner: 1, at: world.clock.now)
        world.network.setOffline([199])
        try await world.notifier.load()
        try await world.tasks.load()
        try await monitors.load()
        try await traffic.load()
        try await alerts.load()
    }

    /// The next three seconds.
    func step(_ number: Int) async {
        world.clock.advance(3)
        for server in 1...servers { report(server, number) }
        await world.tasks.runDue()
        await monitors.askDue()
        let second = number * 3
        for task in world.network.takeSent() where task.type != .command {
            await monitors.take(
                Self.reply(to: task, at: second), task.type, of: Int64(task.id), from: task.server,
                at: world.clock.now)
        }
        // Nobody asked this one.
        await monitors.take(
            AgentTaskReply(data: "refused", successful: false, delay: 0), .tcpPing, of: 50, from: 1,
            at: world.clock.now)
        await alerts.evaluate()
    }

    /// Tells both groups that it is over.
    func end() {
        let (told, seen) = groups.withLock { $0 }
        for group in [told, seen] { world.notifier.notify(group: group, "end") }
    }

    // MARK: What is watched

    /// Thirty rules and their owners, in the order of their ids.
    private static func rules(group: Int64, servers: Int) -> [(owner: Int64, AlertRuleForm)] {
        func condition(
            _ type: String, max: Double = 0, samples: Int64 = 3, only: [Int]? = nil, but: [Int] = []
        ) -> AlertCondition {
            var condition = AlertCondition()
            (condition.type, condition.max, condition.duration) = (type, max, samples)
            condition.cover = only == nil ? 0 : 1
            condition.ignore.values = Dictionary(uniqueKeysWithValues: (only ?? but).map { (Int64($0), true) })
            return condition
        }
        func rule(_ name: String, _ conditions: [AlertCondition], mode: Int64 = 1, isOn: Bool = true) -> AlertRuleForm {
            var form = AlertRuleForm()
            (form.name, form.enable, form.triggerMode, form.rules) = (name, isOn, mode, conditions)
            form.notificationGroupID = group
            return form
        }
        func busy(only: [Int]? = nil, but: [Int] = []) -> [AlertCondition] {
            [
                condition("net_all_speed", max: 1000, only: only, but: but),
                condition("tcp_conn_count", max: 100, only: only, but: but),
            ]
        }
        func block(_ number: Int) -> [Int] { Array((20 * number - 19)...(20 * number)) }
        var traffic = condition("transfer_all_cycle", max: 1_000_000)
        (traffic.cycleStart, traffic.cycleInterval, traffic.cycleUnit) = ("2027-01-01T00:00:00Z", 1, "hour")
        var rules: [(owner: Int64, AlertRuleForm)] = []
        func add(_ form: AlertRuleForm, of owner: Int64 = 1) { rules.append((owner, form)) }
        for number in 1...10 {
            add(rule("cpu-\(number)", [condition("cpu", max: 90, samples: 10, only: block(number))], mode: 0))
        }
        for number in 1...10 {
            add(rule("offline-\(number)", [condition("offline", samples: 4, only: block(number))]))
        }
        for share in [80, 82, 84, 86, 88] {
            add(rule("memory-\(share)", [condition("memory", max: Double(share), samples: 5)]))
        }
        add(rule("busy-only-150", busy(only: [150])))
        add(rule("busy-but-150", busy(but: [150])))
        add(rule("busy-of-another", busy()), of: 5)
        add(rule("busy-off", busy(), isOn: false))
        add(rule("traffic", [traffic]))
        return rules
    }

    /// Four servers look at each: `m1` is looked at by 1, 51, 101 and 151.
    private static func monitor(_ number: Int, group: Int64) -> ServiceForm {
        var form = ServiceForm()
        (form.name, form.target, form.duration, form.cover) = ("m\(number)", "service-\(number)", 30, 1)
        form.type = [21, 31, 41].contains(number) ? 1 : 3
        form.skipServers.values = Dictionary(
            uniqueKeysWithValues: (0..<4).map { (Int64(number + 50 * $0), true) })
        (form.notify, form.notificationGroupID) = (true, group)
        if number == 21 { (form.latencyNotify, form.maxLatency) = (true, 200) }
        return form
    }

    // MARK: What happens

    private func report(_ server: Int, _ step: Int) {
        // Nothing is heard of this one for five minutes.
        if server == 45, (201...299).contains(step) { return }
        var state = HostState()
        (state.cpu, state.memUsed) = (20, 50)
        switch server {
        case 7: if (100...399).contains(step) || (450...459).contains(step) { state.cpu = 99 }
        case 27: if (50...1150).contains(step) { state.cpu = 99 }
        case 100: if (500...599).contains(step) { state.memUsed = 85 }
        case 150, 195:
            if (700...799).contains(step) { (state.netInSpeed, state.netOutSpeed) = (600, 600) }
            if (750...849).contains(step) { state.tcpConnCount = 200 }
        case 60:
            world.events.reported(
                state: state, growth: TrafficGrowth(bytesIn: 500, bytesOut: 500), at: world.clock.now, server: 60)
        default: break
        }
        world.network.report(
            AgentPresence(
                host: HostInfo(memTotal: 100), state: state, geoIP: GeoIPInfo(ipv4: "10.0.0.\(server)"),
                lastActive: world.clock.now), of: Int64(server))
    }

    private static func reply(to task: TestAgents.Sent, at second: Int) -> AgentTaskReply {
        var reply = AgentTaskReply(data: "", successful: true, delay: 100)
        switch task.id {
        case 1: reply.successful = !(931...1830).contains(second)
        case 11: reply.successful = !(2041...2130).contains(second)
        case 21: if (1201...1290).contains(second) || (3031...3060).contains(second) { reply.delay = 300 }
        case 31: reply.data = "CA one|2027-01-20 08:00:00 +0000 UTC"
        case 41:
            reply.data =
                second > 1500 ? "CA two|2030-01-01 00:00:00 +0000 UTC" : "CA one|2029-01-01 00:00:00 +0000 UTC"
        default: break
        }
        if !reply.successful { (reply.data, reply.delay) = ("refused", 0) }
        return reply
    }
}
