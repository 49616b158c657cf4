import AgentLink
import FoundationEssentials
import Storage
import TestSupport
import Testing
import TimeZones

@testable import Monitoring

@Suite struct MonitorRecordTests {
    @Test("days count, and move on at midnight")
    func days() {
        var record = MonitorRecord(today: 0)
        _ = record.add(isUp: true, delay: 10, at: 1)
        _ = record.add(isUp: true, delay: 20, at: 2)
        _ = record.add(isUp: false, delay: 99, at: 3)
        #expect(record.days[29] == MonitorRecord.Day(up: 2, down: 1, delay: 15))
        record.turn(to: 86_400)
        #expect(record.days[28].up == 2)
        #expect(record.days[29] == MonitorRecord.Day())
        record.turn(to: 0)
        #expect(record.days[28].up == 2, "a clock set back moves nothing")
        record.turn(to: 40 * 86_400)
        #expect(record.totalUp == 0)
    }

    @Test("the window takes one result each 30 seconds, and 30 of them")
    func window() {
        var record = MonitorRecord(today: 0)
        for second in stride(from: 0.0, through: 29, by: 1) { _ = record.add(isUp: true, delay: 1, at: second) }
        #expect(record.currentUp == 1)
        for number in 1...40 { _ = record.add(isUp: false, delay: 1, at: Double(number) * 30) }
        #expect(record.currentDown == 30)
    }

    @Test(
        "the status by the share of successes",
        arguments: [(30, MonitorRecord.Status.good), (28, .lowAvailability), (24, .down), (0, .down)])
    func status(_ successes: Int, _ expected: MonitorRecord.Status) {
        var record = MonitorRecord(today: 0)
        #expect(record.status == .noData)
        for number in 0..<30 { _ = record.add(isUp: number < successes, delay: 1, at: Double(number) * 30) }
        #expect(record.status == expected)
    }

    @Test("of a window that was kept those results come back that would be in it still, and judge")
    func restored() {
        var record = MonitorRecord(today: 0)
        for number in 0..<30 { _ = record.add(isUp: number >= 5, delay: 1, at: Double(number) * 30) }
        #expect(record.status == .lowAvailability)
        var next = MonitorRecord(today: 0)
        next.restore(record.recent, at: 29 * 30 + 10)
        #expect(next.recent == record.recent)
        #expect(next.status == .lowAvailability)
        // As if nothing had happened in between.
        let change = next.add(isUp: false, delay: 1, at: 30 * 30)
        #expect(change.before == .lowAvailability)
        #expect(next.currentDown == 5, "the oldest, a failure, has gone")
        next.restore(record.recent, at: 900 + 5 * 30)
        #expect(next.currentDown == 0, "those of a quarter of an hour ago have gone")
        #expect(next.currentUp == 25)
        #expect(next.status == .good)
        next.restore(record.recent, at: -1)
        #expect(next.status == .noData, "a clock that was set back knows nothing of them")
    }

    @Test("averages are those of the successes")
    func averages() {
        var average = PingAverage()
        let found1 = average.add(isUp: true, delay: 10, of: 2)
        #expect(found1 == nil)
        let first = average.add(isUp: false, delay: 0, of: 2)
        #expect(first?.delay == 10)
        #expect(first?.isUp == true)
        _ = average.add(isUp: false, delay: 0, of: 2)
        let second = average.add(isUp: false, delay: 0, of: 2)
        #expect(second?.delay == 0)
        #expect(second?.isUp == false)
    }
}

@Suite struct CertificateWatchTests {
    private let now: Int64 = 1_800_000_000

    @Test("a week before its end it is told, not earlier")
    func expiry() {
        var watch = CertificateWatch()
        // 2027-01-22 08:00:00 is a week after 1_800_000_000 (2027-01-15 08:00:00).
        let found2 = watch.look("CA|2027-01-22 08:00:00 +0000 UTC", at: now)
        #expect(found2.isEmpty)
        let found3 = watch.look("CA|2027-01-22 08:00:00 +0000 UTC", at: now + 1)
        #expect(found3.count == 1)
    }

    @Test("a change of issuer and end is told; the first certificate is the baseline")
    func change() {
        var watch = CertificateWatch()
        let found4 = watch.look("CA one|2028-01-01 00:00:00 +0000 UTC", at: now)
        #expect(found4.isEmpty)
        let found5 = watch.look("CA one|2029-01-01 00:00:00 +0000 UTC", at: now)
        #expect(found5.isEmpty)
        let found6 = watch.look("CA two|2030-01-01 00:00:00 +0000 UTC", at: now)
        #expect(found6.count == 1)
        let found7 = watch.look("no certificate", at: now)
        #expect(found7.isEmpty)
    }

    @Test(
        "errors of certificates, and others",
        arguments: [
            ("SSL证书错误：expired", true), ("SSL证书错误：timeout", false), ("dial tcp: refused", false),
            ("Get \"x\": tls: failed to verify certificate: x509: expired", true),
        ])
    func errors(_ text: String, _ expected: Bool) { #expect(CertificateWatch.isCertificateError(text) == expected) }
}

@Suite struct MonitorTimetableTests {
    @Test("a thousand monitors do not fire together, and each fires once an interval")
    func spread() {
        var table = MonitorTimetable()
        for id in 1...1000 { table.set(Int64(id), every: 30, isNew: false, at: 0) }
        var most = 0
        var total = 0
        for tick in 1...300 {
            let due = table.due(at: Double(tick) / 10).count
            most = max(most, due)
            total += due
        }
        #expect(most < 20)
        #expect(total == 1000)
    }

    @Test("a saved one waits for one interval")
    func saved() {
        var table = MonitorTimetable()
        table.set(1, every: 10, isNew: true, at: 100)
        let found8 = table.due(at: 109.9)
        #expect(found8 == [])
        let found9 = table.due(at: 111)
        #expect(found9 == [1])
    }
}

@Suite struct MonitorEngineTests {
    @Test("servers are asked, their results judged and told, those of others are not")
    func results() async throws {
        let (world, sink) = (try EngineWorld(), HTTPSink())
        let clock = world.clock
        let engine = MonitorEngine(
            storage: world.storage, roster: world.roster, network: world.network, events: world.events,
            notifier: world.notifier, tasks: world.tasks, metrics: nil, pings: 2, zone: world.zone,
            logger: quiet, now: { clock.now })
        try await LocalService.with(sink.serve) { port in
            let group = try await world.group(port: port)
            try await world.notifier.load()
            try await engine.load()
            var form = ServiceForm()
            (form.name, form.type, form.target, form.duration) = ("db", 3, "db:5432", 30)
            (form.notify, form.notificationGroupID, form.cover) = (true, group, 1)
            form.skipServers.values = [1: true]
            let row = try await world.storage.rows(of: ServiceForm.self).insert(form, owner: 1, at: clock.now)
            try await EngineWorld.running([world.notifier.run, engine.run]) {
                clock.advance(31)
                for _ in 0..<500 {
                    if !world.network.sent.isEmpty { break }
                    try await Task.sleep(for: .milliseconds(10))
                }
                #expect(world.network.sent.map(\.server) == [1])
                #expect(world.network.sent.first?.type == .tcpPing)
                let bad = AgentTaskReply(data: "refused", successful: false, delay: 0)
                world.events.result(server: 2, type: .tcpPing, id: UInt64(row.id), reply: bad)
                world.events.result(server: 1, type: .icmpPing, id: UInt64(row.id), reply: bad)
                world.events.result(server: 1, type: .tcpPing, id: UInt64(row.id), reply: bad)
                try await sink.wait(for: 1)
            }
            #expect(engine.overview.first?.record.totalDown == 1)
            #expect(engine.refusedResults == 2)
            let days = try await world.storage.rows(of: ServiceDayForm.self).all()
            #expect(days.map(\.form.down) == [1])
            // What is kept is there again after a restart.
            let next = MonitorEngine(
                storage: world.storage, roster: world.roster, network: world.network, events: world.events,
                notifier: world.notifier, tasks: world.tasks, metrics: nil, pings: 2, zone: world.zone,
                logger: quiet, now: { clock.now })
            try await next.load()
            #expect(next.overview.first?.record.totalDown == 1)
            #expect(next.overview.first?.record.currentDown == 1)
            #expect(next.overview.first?.record.status == .down)
            clock.advance(16 * 60)
            let late = MonitorEngine(
                storage: world.storage, roster: world.roster, network: world.network, events: world.events,
                notifier: world.notifier, tasks: world.tasks, metrics: nil, pings: 2, zone: world.zone,
                logger: quiet, now: { clock.now })
            try await late.load()
            #expect(late.overview.first?.record.currentDown == 0, "a quarter of an hour later it says nothing any more")
            #expect(late.overview.first?.record.status == .noData)
            #expect(late.overview.first?.record.totalDown == 1)
        }
        #expect(sink.bodies == ["[Down] db Reporter: alpha, Error: refused"])
    }
}
