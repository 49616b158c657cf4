import AgentLink
import FoundationEssentials
import Storage
import TestSupport
import Testing

@testable import Monitoring

@Suite struct AlertEvaluatorTests {
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    private func rule(_ conditions: [AlertCondition], mode: Int64 = 0, id: Int64 = 1) -> Owned<AlertRuleForm> {
        var form = AlertRuleForm()
        (form.name, form.enable, form.rules, form.triggerMode) = ("rule", true, conditions, mode)
        return Owned(id: id, owner: 1, createdAt: start, updatedAt: start, form: form)
    }

    private func condition(_ type: String, max: Double = 0, min: Double = 0, duration: Int64 = 3) -> AlertCondition {
        var condition = AlertCondition()
        (condition.type, condition.max, condition.min, condition.duration) = (type, max, min, duration)
        return condition
    }

    private func reading(_ change: (inout HostState) -> Void = { _ in }, at last: Date? = nil) -> AlertReading {
        var state = HostState()
        change(&state)
        let server = ServerRecord(id: 7, userID: 1, uuid: "u", name: "web", createdAt: start, updatedAt: start)
        return AlertReading(
            server: server,
            presence: AgentPresence(
                host: HostInfo(memTotal: 1000, diskTotal: 0), state: state, lastActive: last ?? start))
    }

    private func evaluate(
        _ evaluator: inout AlertEvaluator, _ reading: AlertReading, at now: Date,
        traffic: (UInt64, UInt64) = (0, 0)
    ) -> [AlertEvaluator.Event] {
        evaluator.evaluate([reading], at: now, isAdministrator: { _ in false }, traffic: { _, _ in traffic })
    }

    @Test("fires when more than 70 of 100 samples of a full window fail, and recovers")
    func window() {
        var evaluator = AlertEvaluator(start: start)
        evaluator.set(rule([condition("cpu", max: 90, duration: 10)]))
        var events: [AlertEvaluator.Event] = []
        for number in 0..<9 {
            events += evaluate(&evaluator, reading { $0.cpu = 99 }, at: start + Double(number) * 3)
        }
        #expect(events.isEmpty, "the window is not full")
        events = evaluate(&evaluator, reading { $0.cpu = 99 }, at: start + 27)
        #expect(events == [.incident(rule: 1, server: 7, isFirst: true)])
        events = []
        for number in 0..<2 { events += evaluate(&evaluator, reading(), at: start + 30 + Double(number) * 3) }
        #expect(events.allSatisfy { $0 == .incident(rule: 1, server: 7, isFirst: false) })
        let found1 = evaluate(&evaluator, reading(), at: start + 36)
        #expect(found1 == [.resolved(rule: 1, server: 7)], "7 of 10 are not enough")
    }

    @Test("an owner's rules keep so many samples and no more; a rule that is too much is told of once")
    func samples() {
        let longest = Int64(PreparedCondition.longestDuration)
        let fitting = AlertEvaluator.samplesOfOwner / PreparedCondition.longestDuration
        var evaluator = AlertEvaluator(start: start)
        for id in 1...fitting + 1 { evaluator.set(rule([condition("cpu", max: 1, duration: longest)], id: Int64(id))) }
        let tooMuch = AlertEvaluator.Event.tooMuch(rule: Int64(fitting + 1))
        #expect(evaluate(&evaluator, reading(), at: start) == [tooMuch])
        #expect(evaluate(&evaluator, reading(), at: start + 3).isEmpty)
        evaluator.remove(1)
        #expect(evaluate(&evaluator, reading(), at: start + 6).isEmpty)
        evaluator.set(rule([condition("cpu", max: 1, duration: longest)], id: 1))
        #expect(evaluate(&evaluator, reading(), at: start + 9) == [tooMuch])
        // Windows that are short take more than their samples.
        let short = AlertEvaluator.samplesOfOwner / (64 * AlertEvaluator.leastSamples)
        var crowded = AlertEvaluator(start: start)
        let conditions = Array(repeating: condition("cpu", max: 1), count: 64)
        for id in 1...short + 1 { crowded.set(rule(conditions, id: Int64(id))) }
        #expect(evaluate(&crowded, reading(), at: start) == [.tooMuch(rule: Int64(short + 1))])
        // An administrator may fill the machine by other means, too.
        let all = crowded.evaluate(
            [reading()], at: start, isAdministrator: { _ in true }, traffic: { _, _ in (0, 0) })
        #expect(all.isEmpty)
    }

    @Test("once until it recovers")
    func once() {
        var evaluator = AlertEvaluator(start: start)
        evaluator.set(rule([condition("cpu", max: 90, duration: 1)], mode: 1))
        let found2 = evaluate(&evaluator, reading { $0.cpu = 99 }, at: start)
        #expect(found2.count == 1)
        let found3 = evaluate(&evaluator, reading { $0.cpu = 99 }, at: start + 3)
        #expect(found3.isEmpty)
        let found4 = evaluate(&evaluator, reading(), at: start + 6)
        #expect(found4 == [.resolved(rule: 1, server: 7)])
    }

    @Test("all conditions have to fail")
    func all() {
        var evaluator = AlertEvaluator(start: start)
        evaluator.set(rule([condition("cpu", max: 90, duration: 1), condition("memory", max: 50, duration: 1)]))
        let found5 = evaluate(&evaluator, reading { $0.cpu = 99 }, at: start)
        #expect(found5.isEmpty)
        let both = reading {
            $0.cpu = 99
            $0.memUsed = 501
        }
        let found6 = evaluate(&evaluator, both, at: start + 3)
        #expect(found6.count == 1)
    }

    @Test(
        "what each kind looks at",
        arguments: [
            ("net_all_speed", 15.0, true), ("net_all_speed", 16.0, false), ("transfer_all", 2.0, true),
            ("disk", 1.0, false), ("gpu_max", 1.0, false), ("temperature_max", 40.0, true),
            ("process_count", 8.0, true), ("no_such_kind", 1.0, false),
        ])
    func kinds(_ type: String, _ max: Double, _ fires: Bool) {
        var evaluator = AlertEvaluator(start: start)
        evaluator.set(rule([condition(type, max: max, duration: 1)]))
        let reading = reading {
            ($0.netInSpeed, $0.netOutSpeed) = (10, 6)
            ($0.netInTransfer, $0.netOutTransfer) = (2, 1)
            $0.diskUsed = 5
            $0.processCount = 9
            $0.temperatures = [.init(name: "a", celsius: 0), .init(name: "b", celsius: 41)]
        }
        let found7 = evaluate(&evaluator, reading, at: start)
        #expect(!found7.isEmpty == fires)
    }

    @Test("offline after six seconds, when all samples say so, and not in the first minute")
    func offline() {
        var evaluator = AlertEvaluator(start: start)
        evaluator.set(rule([condition("offline", max: 1, duration: 3)]))
        var events: [AlertEvaluator.Event] = []
        for number in 0..<20 { events += evaluate(&evaluator, reading(), at: start + Double(number) * 3) }
        #expect(events.isEmpty, "the grace of the start")
        events += evaluate(&evaluator, reading(), at: start + 60)
        events += evaluate(&evaluator, reading(), at: start + 63)
        #expect(events.isEmpty)
        let found8 = evaluate(&evaluator, reading(), at: start + 66)
        #expect(found8.count == 1)
        let back = evaluate(&evaluator, reading(at: start + 63), at: start + 69)
        #expect(back == [.resolved(rule: 1, server: 7)], "6 seconds are not too long")
    }

    @Test("cycles sum up traffic, hold their verdict and show themselves")
    func cycle() throws {
        var evaluator = AlertEvaluator(start: start)
        var month = condition("transfer_all_cycle", max: 1000)
        (month.cycleStart, month.cycleInterval, month.cycleUnit) = ("2027-01-01T00:00:00+08:00", 1, "Month")
        evaluator.set(rule([month]))
        let found9 = evaluate(&evaluator, reading(), at: start, traffic: (400, 500))
        #expect(found9.isEmpty)
        let statistics = try #require(evaluator.statistics.first)
        #expect(statistics.transfer == [7: 900])
        #expect(statistics.from == start - 1_800_000_000 + Double(1_798_732_800))
        #expect(statistics.nextUpdate[7] == start + 180)
        let found10 = evaluate(&evaluator, reading(), at: start + 179, traffic: (900, 900))
        #expect(found10.isEmpty, "the verdict holds")
        let found11 = evaluate(&evaluator, reading(), at: start + 180, traffic: (900, 900))
        #expect(found11.count == 1)
    }

    @Test("a new cycle is looked at at once, on every server")
    func nextCycle() {
        var evaluator = AlertEvaluator(start: start)
        var hour = condition("transfer_all_cycle", max: 1000)
        (hour.cycleStart, hour.cycleInterval, hour.cycleUnit) = ("2027-01-15T00:00:00Z", 1, "hour")
        evaluator.set(rule([hour]))
        var other = reading()
        other.server.id = 8
        let both = [reading(), other]
        func evaluate(_ seconds: Double, _ bytes: UInt64) -> [AlertEvaluator.Event] {
            evaluator.evaluate(
                both, at: start + seconds, isAdministrator: { _ in false }, traffic: { _, _ in (bytes, 0) })
        }
        let first = evaluate(3590, 2000)
        #expect(first.count == 2)
        let next = evaluate(3600, 10)
        #expect(next == [.resolved(rule: 1, server: 7), .resolved(rule: 1, server: 8)])
        #expect(evaluator.statistics.first?.transfer == [7: 10, 8: 10])
    }

    @Test("a server keeps its samples wherever it stands in the list; one that is gone and comes back begins anew")
    func order() {
        var evaluator = AlertEvaluator(start: start)
        evaluator.set(rule([condition("cpu", max: 90, duration: 3), condition("load1", max: 1, duration: 65)]))
        let servers = (1...3).map { id in
            var reading = reading { ($0.cpu, $0.load1) = (99, 2) }
            reading.server.id = Int64(id)
            return reading
        }
        var told: [[AlertEvaluator.Event]] = []
        for round in 0..<130 {
            let shown =
                switch round {
                case 20..<40: [servers[2], servers[0]]
                case 40..<60: [servers[1], servers[2], servers[0]]
                default: servers
                }
            told.append(
                evaluator.evaluate(
                    shown, at: start + Double(round) * 3, isAdministrator: { _ in false }, traffic: { _, _ in (0, 0) }
                ))
        }
        // The 65th sample fires: of the second server it is that of round 104.
        let early = Array(told[..<64].joined())
        #expect(early.isEmpty)
        let others: [AlertEvaluator.Event] = [1, 3].map { .incident(rule: 1, server: $0, isFirst: true) }
        #expect(told[64] == others)
        #expect(told[103].count == 2)
        #expect(
            told[104] == [
                .incident(rule: 1, server: 1, isFirst: false), .incident(rule: 1, server: 2, isFirst: true),
                .incident(rule: 1, server: 3, isFirst: false),
            ])
    }

    @Test("rules of a member look at their own servers, an administrator's at all")
    func rights() {
        var evaluator = AlertEvaluator(start: start)
        evaluator.set(rule([condition("cpu", max: 90, duration: 1)]))
        var other = reading { $0.cpu = 99 }
        (other.server.id, other.server.userID) = (8, 2)
        let readings = [reading { $0.cpu = 99 }, other]
        func servers(_ isAdministrator: Bool) -> [Int64] {
            evaluator.evaluate(
                readings, at: start, isAdministrator: { _ in isAdministrator }, traffic: { _, _ in (0, 0) }
            ).compactMap(\.server)
        }
        let own = servers(false)
        #expect(own == [7])
        let all = servers(true)
        #expect(all == [7, 8])
    }

    // What it costs, `bench/agents --rules 30` shows.
    @Test("of ten thousand servers and thirty rules nothing is told while all are well")
    func crowd() {
        var evaluator = AlertEvaluator(start: start)
        for id in 1...30 { evaluator.set(rule([condition("cpu", max: 90, duration: 10)], id: Int64(id))) }
        let readings = (1...10_000).map { id in
            var reading = reading { $0.cpu = 50 }
            reading.server.id = Int64(id)
            return reading
        }
        for round in 0..<3 {
            let events = evaluator.evaluate(
                readings, at: start + Double(round) * 3, isAdministrator: { _ in false }, traffic: { _, _ in (0, 0) })
            #expect(events.isEmpty)
        }
    }
}

@Suite struct CycleBoundsTests {
    private func day(_ text: String) throws -> Int64 { try #require(CycleBounds.time(text)).instant }

    @Test("months are counted from the start and end with the month")
    func months() throws {
        let bounds = try #require(CycleBounds(start: "2026-01-31T00:00:00+08:00", every: 1, unit: "month"))
        let cycle = bounds.cycle(at: try day("2026-03-01T12:00:00+08:00"))
        #expect(cycle.from == (try day("2026-02-28T00:00:00+08:00")))
        #expect(cycle.to == (try day("2026-03-31T00:00:00+08:00")))
    }

    @Test("fixed lengths", arguments: [("hour", 3600), ("", 3600), ("DAY", 86_400), ("week", 604_800)])
    func lengths(_ unit: String, _ seconds: Int64) throws {
        let bounds = try #require(CycleBounds(start: "2026-01-01T00:00:00Z", every: 2, unit: unit))
        let start = try day("2026-01-01T00:00:00Z")
        let cycle = bounds.cycle(at: start + seconds * 2)
        #expect(cycle.from == start + seconds * 2)
        #expect(cycle.to == start + seconds * 4)
    }

    @Test("an interval of nothing and a text that is no time", arguments: [("2026-01-01T00:00:00Z", 0), ("soon", 1)])
    func refused(_ start: String, _ interval: Int64) {
        #expect(CycleBounds(start: start, every: interval, unit: "day") == nil)
    }
}

@Suite struct MaskedAddressTests {
    @Test(
        "addresses are masked",
        arguments: [
            ("1.2.3.4", "1.****.4"), ("d5ce:d811:cdb8:067a:a873:2076:9521:9d2d", "d5ce:d811:****:9521:9d2d"),
            ("2001:db8::1", "2001:db8:****::1"),
        ])
    func masked(_ address: String, _ expected: String) { #expect(MaskedAddress.mask(address) == expected) }

    @Test("both, one or none")
    func both() {
        #expect(MaskedAddress.shown("1.2.3.4", "", isPlain: true) == "1.2.3.4")
        #expect(MaskedAddress.shown("1.2.3.4", "::1", isPlain: true) == "1.2.3.4/::1")
        #expect(MaskedAddress.shown("", "", isPlain: false).isEmpty)
    }
}

@Suite struct AlertEngineTests {
    @Test("an incident and its end are told, each at once, and tasks run")
    func incident() async throws {
        let (world, sink) = (try EngineWorld(), HTTPSink())
        let clock = world.clock
        try await LocalService.with(sink.serve) { port in
            let group = try await world.group(port: port)
            try await world.notifier.load()
            try await world.tasks.load()
            var task = CronForm()
            (task.taskType, task.cover, task.command) = (1, 2, "restart")
            let job = try await world.storage.rows(of: CronForm.self).insert(task, owner: 1, at: clock.now)
            let engine = AlertEngine(
                storage: world.storage, roster: world.roster, network: world.network, notifier: world.notifier,
                tasks: world.tasks,
                traffic: TrafficEngine(storage: world.storage, roster: world.roster, zone: world.zone, logger: quiet),
                settings: world.settings, logger: quiet, now: { clock.now })
            try await engine.load()
            var form = AlertRuleForm()
            (form.name, form.enable, form.notificationGroupID, form.failTriggerTasks) = ("load", true, group, [job.id])
            var condition = AlertCondition()
            (condition.type, condition.max, condition.duration, condition.cover) = ("cpu", 50, 3, 1)
            condition.ignore.values = [1: true]
            form.rules = [condition]
            _ = try await world.storage.rows(of: AlertRuleForm.self).insert(form, owner: 1, at: clock.now)
            var state = HostState()
            state.cpu = 99
            let geoIP = GeoIPInfo(ipv4: "192.0.2.9")
            world.network.report(AgentPresence(state: state, geoIP: geoIP, lastActive: clock.now), of: 1)
            try await EngineWorld.running([world.notifier.run]) {
                for _ in 0..<5 {
                    await engine.evaluate()
                    clock.advance(3)
                }
                world.network.report(AgentPresence(state: HostState(), geoIP: geoIP, lastActive: clock.now), of: 1)
                for _ in 0..<3 { await engine.evaluate() }
                try await sink.wait(for: 2)
            }
        }
        #expect(sink.bodies == ["[Incident] alpha(192.****.9) load", "[Resolved] alpha(192.****.9) load"])
        #expect(world.network.sent.map(\.body) == ["restart"], "once, however long it lasts")
    }
}
