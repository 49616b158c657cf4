import AgentLink
import FoundationEssentials
import Storage
import TestSupport
import Testing
import TimeZones

@testable import Monitoring

@Suite struct TrafficRetentionTests {
    /// 2027-01-15 08:00:00 UTC.
    private let now: Int64 = 1_800_000_000

    private func rule(
        _ unit: String, _ start: String, isOn: Bool = true, cover: Int64 = 0, marks: [Int64: Bool] = [:]
    ) -> AlertRuleForm {
        var condition = AlertCondition()
        (condition.type, condition.cycleStart, condition.cycleUnit) = ("transfer_in_cycle", start, unit)
        (condition.cycleInterval, condition.max, condition.cover) = (1, 1, cover)
        condition.ignore.values = marks
        var form = AlertRuleForm()
        (form.enable, form.rules) = (isOn, [condition])
        return form
    }

    @Test("the earliest running cycle of all rules that cover a server, also of those that are switched off")
    func earliest() {
        let (hour, day, month) = (now, now - 8 * 3600, now - 8 * 3600 - 14 * 86_400)
        let retention = TrafficRetention(
            [
                rule("hour", "2027-01-01T00:00:00Z", cover: 1, marks: [1: true, 4: true]),
                rule("month", "2026-06-01T00:00:00Z", isOn: false, cover: 1, marks: [2: true, 4: true]),
                // Of the servers that it names one is not looked at yet.
                rule("day", "2027-01-01T00:00:00Z", cover: 1, marks: [3: false]),
            ], at: now)
        #expect(retention.start(of: 1) == hour)
        #expect(retention.start(of: 2) == month)
        #expect(retention.start(of: 3) == day)
        #expect(retention.start(of: 4) == month)
        #expect(retention.start(of: 5) == nil)
        let all = TrafficRetention([rule("day", "2027-01-01T00:00:00Z", marks: [7: true])], at: now)
        #expect(all.start(of: 6) == day)
        #expect(all.start(of: 7) == nil)
    }

    @Test("conditions that sum nothing up, and those that cannot be read, ask for nothing")
    func others() {
        var cpu = rule("day", "2027-01-01T00:00:00Z")
        cpu.rules[0].type = "cpu"
        #expect(TrafficRetention([cpu, rule("day", "soon")], at: now).start(of: 1) == nil)
    }
}

@Suite struct TrafficEngineTests {
    private static func engine(_ world: EngineWorld, zone: String = "UTC") throws -> TrafficEngine {
        let clock = world.clock
        return TrafficEngine(
            storage: world.storage, roster: world.roster, zone: try Zone.named(zone), logger: quiet,
            now: { clock.now })
    }

    /// One hour in each of the last `count`, of 1,000 bytes.
    private static func fill(_ world: EngineWorld, server: Int64, hours count: Int64) async throws {
        let first = Int64(world.clock.now.timeIntervalSince1970) / 3600 * 3600
        for number in 0..<count {
            let form = TrafficHourForm(serverID: server, hour: first - number * 3600, bytesIn: 1000, bytesOut: 0)
            _ = try await world.storage.rows(of: TrafficHourForm.self).insert(form, owner: 0, at: world.clock.now)
        }
    }

    private static func rule(_ world: EngineWorld, server: Int64) async throws {
        var condition = AlertCondition()
        (condition.type, condition.cycleStart, condition.cycleUnit) = (
            "transfer_all_cycle", "2027-01-01T00:30:00Z", "day"
        )
        (condition.cycleInterval, condition.max, condition.cover) = (1, 1, 1)
        condition.ignore.values = [server: true]
        var form = AlertRuleForm()
        form.rules = [condition]
        _ = try await world.storage.rows(of: AlertRuleForm.self).insert(form, owner: 1, at: world.clock.now)
    }

    private static func hours(_ world: EngineWorld) async throws -> [Int64: Int] {
        let rows = try await world.storage.rows(of: TrafficHourForm.self).all()
        return Dictionary(grouping: rows, by: \.form.serverID).mapValues(\.count)
    }

    @Test("hours go that no cycle needs; those since the start of the running one stay, its first hour whole")
    func cleaning() async throws {
        let world = try EngineWorld()
        for server in [1, 2] as [Int64] { try await Self.fill(world, server: server, hours: 48) }
        try await Self.rule(world, server: 1)
        let engine = try Self.engine(world)
        try await engine.load()
        await engine.clean()
        // At 08:00 the cycle that began at 00:30 needs the hours from 00:00 to 08:00.
        #expect(try await Self.hours(world) == [1: 9])
        let now = Int64(world.clock.now.timeIntervalSince1970)
        #expect(engine.sum(of: 1, since: 0).bytesIn == 9000)
        #expect(engine.sum(of: 2, since: 0).bytesIn == 0)
        // What comes then is counted and stored as ever.
        engine.reported(
            state: HostState(), growth: TrafficGrowth(bytesIn: 5, bytesOut: 6), at: world.clock.now, server: 2)
        await engine.step()
        #expect(engine.sum(of: 2, since: now).bytesOut == 6)
        #expect(try await Self.hours(world) == [1: 9, 2: 1])
        let next = try Self.engine(world)
        try await next.load()
        #expect(next.sum(of: 1, since: 0).bytesIn == 9000)
    }

    @Test("it is done once a day, from half past three on in the zone of the configuration")
    func daily() async throws {
        let world = try EngineWorld()
        // 08:00 in UTC are 03:00 in New York.
        let engine = try Self.engine(world, zone: "America/New_York")
        try await Self.fill(world, server: 1, hours: 2)
        try await engine.load()
        await engine.step()
        #expect(try await Self.hours(world) == [1: 2])
        world.clock.advance(29 * 60)
        await engine.step()
        #expect(try await Self.hours(world) == [1: 2])
        world.clock.advance(60)
        await engine.step()
        #expect(try await Self.hours(world) == [:])
        func report() async {
            engine.reported(
                state: HostState(), growth: TrafficGrowth(bytesIn: 1, bytesOut: 0), at: world.clock.now, server: 1)
            await engine.step()
        }
        world.clock.advance(60)
        await report()
        #expect(try await Self.hours(world) == [1: 1], "not twice")
        world.clock.advance(86_400 - 120)
        await report()
        #expect(try await Self.hours(world) == [1: 2])
        world.clock.advance(60)
        await engine.step()
        #expect(try await Self.hours(world) == [:])
    }

    @Test("when the rules cannot be read, nothing goes")
    func unreadable() async throws {
        let world = try EngineWorld()
        try await Self.fill(world, server: 1, hours: 3)
        let engine = try Self.engine(world)
        try await engine.load()
        world.handle.close()
        await engine.clean()
        #expect(engine.sum(of: 1, since: 0).bytesIn == 3000)
    }
}
