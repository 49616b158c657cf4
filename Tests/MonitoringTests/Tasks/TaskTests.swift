import AgentLink
import FoundationEssentials
import Primitives
import Storage
import TestSupport
import Testing
import TimeZones

@testable import Monitoring

@Suite struct TaskTimetableTests {
    @Test("due at its time and then not before the next one")
    func due() throws {
        var table = TaskTimetable(zone: try Zone.named("UTC"))
        try table.set(1, "0 * * * * *", at: 1_800_000_000)
        let found1 = table.due(at: 1_800_000_059)
        #expect(found1 == [])
        let found2 = table.due(at: 1_800_000_060)
        #expect(found2 == [1])
        let found3 = table.due(at: 1_800_000_060)
        #expect(found3 == [])
    }

    @Test("a clock that is set back runs nothing twice; one that is set forward runs once")
    func jumps() throws {
        var table = TaskTimetable(zone: try Zone.named("UTC"))
        try table.set(1, "0 * * * * *", at: 1_800_000_000)
        let found4 = table.due(at: 1_800_000_060)
        #expect(found4 == [1])
        let found5 = table.due(at: 1_800_000_000)
        #expect(found5 == [])
        let found6 = table.due(at: 1_800_000_060)
        #expect(found6 == [])
        let found7 = table.due(at: 1_800_003_660)
        #expect(found7 == [1])
        let found8 = table.due(at: 1_800_003_661)
        #expect(found8 == [])
    }

    @Test("a text that is no schedule takes the task out")
    func unreadable() throws {
        var table = TaskTimetable(zone: try Zone.named("UTC"))
        try table.set(1, "@every 1s", at: 0)
        #expect(throws: ScheduleError.self) { try table.set(1, "never", at: 0) }
        let found9 = table.due(at: 100)
        #expect(found9 == [])
    }
}

@Suite struct PendingResultsTests {
    @Test("as many results as were sent, within a day")
    func taking() {
        var pending = PendingResults()
        pending.note(task: 1, server: 2, at: 0)
        pending.note(task: 1, server: 2, at: 10)
        let found10 = pending.take(task: 1, server: 3, at: 11)
        #expect(!found10)
        let found11 = pending.take(task: 1, server: 2, at: 11)
        #expect(found11)
        let found12 = pending.take(task: 1, server: 2, at: 10 + PendingResults.lifetime)
        #expect(!found12)
    }
}

@Suite struct TaskEngineTests {
    private func task(_ world: EngineWorld, _ change: (inout CronForm) -> Void) async throws -> Owned<CronForm> {
        var form = CronForm()
        (form.name, form.command, form.scheduler) = ("backup", "make backup", "0 0 0 1 1 *")
        change(&form)
        return try await world.storage.rows(of: CronForm.self).insert(form, owner: 1, at: world.clock.now)
    }

    @Test(
        "a task goes to the servers that it covers", arguments: [(0, [2]), (1, [1, 3]), (2, [])] as [(Int64, [Int64])])
    func cover(_ cover: Int64, _ servers: [Int64]) async throws {
        let world = try EngineWorld()
        try await world.tasks.load()
        await world.tasks.run(
            try await task(world) {
                $0.cover = cover
                $0.servers = [2]
            })
        #expect(world.network.sent.map(\.server) == servers)
        #expect(world.network.sent.allSatisfy { $0.type == .command && $0.body == "make backup" })
    }

    @Test("a member's task stays with the member's servers")
    func owner() async throws {
        let world = try EngineWorld()
        try await world.tasks.load()
        var row = try await task(world) { $0.cover = 1 }
        row.owner = 5
        await world.tasks.run(row)
        #expect(world.network.sent.map(\.server) == [3])
    }

    @Test("results are stored and told; one from a server that was not asked is neither")
    func results() async throws {
        let (world, sink) = (try EngineWorld(), HTTPSink())
        try await LocalService.with(sink.serve) { port in
            let group = try await world.group(port: port)
            try await world.notifier.load()
            try await world.tasks.load()
            let row = try await task(world) {
                $0.servers = [1]
                $0.notificationGroupID = group
                $0.pushSuccessful = true
            }
            try await EngineWorld.running([world.notifier.run, world.tasks.run]) {
                // What is told before the engine listens is lost to it.
                #expect(await eventually { world.events.queues.contains { $0.name == "tasks" } })
                let reply = AgentTaskReply(data: "done\n", successful: true, delay: 2)
                world.events.result(server: 2, type: .command, id: UInt64(row.id), reply: reply)
                world.events.result(server: 1, type: .command, id: UInt64(row.id), reply: reply)
                try await sink.wait(for: 1)
                for _ in 0..<500 {
                    if try await world.storage.rows(of: CronForm.self).find(id: row.id)?.form.lastResult == true {
                        break
                    }
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
            let stored = try await world.storage.rows(of: CronForm.self).find(id: row.id)
            #expect(stored?.form.lastExecutedAt.date == world.clock.now - 2)
            #expect(stored?.form.lastResult == true)
            #expect(world.tasks.refusedResults == 1)
        }
        #expect(sink.bodies == ["[Scheduled Task Executed Successfully] backup, alpha\\ndone\\n"])
    }

    @Test("a server that is not there is told of")
    func offline() async throws {
        let (world, sink) = (try EngineWorld(), HTTPSink())
        world.network.setOffline([1])
        try await LocalService.with(sink.serve) { port in
            let group = try await world.group(port: port)
            try await world.notifier.load()
            try await world.tasks.load()
            let row = try await task(world) {
                $0.servers = [1]
                $0.notificationGroupID = group
            }
            try await EngineWorld.running([world.notifier.run]) {
                await world.tasks.run(row)
                try await sink.wait(for: 1)
            }
        }
        #expect(sink.bodies == ["[Task failed] backup: server alpha is offline and cannot execute the task"])
    }

    @Test("a trigger runs what its owner may run, on the server where it happened")
    func trigger() async throws {
        let world = try EngineWorld()
        try await world.tasks.load()
        let row = try await task(world) {
            $0.cover = 2
            $0.taskType = 1
        }
        await world.tasks.trigger([row.id, 999], by: 1, on: 2)
        #expect(world.network.sent.map(\.server) == [2])
        await world.tasks.trigger([row.id], by: 5, on: 3)
        #expect(world.network.sent.count == 1, "somebody else's trigger")
    }

    @Test("long outputs are cut between characters")
    func cut() {
        #expect("aü".cut(toBytes: 2) == "a")
        #expect("aü".cut(toBytes: 3) == "aü")
    }
}
