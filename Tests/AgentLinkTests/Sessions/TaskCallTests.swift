import Testing

@testable import AgentLink

@Suite("Task calls", .timeLimit(.minutes(5)))
struct TaskCallTests {
    let directory = AgentDirectory()

    @Test("a call gets the reply to its own task, under an id above every database id")
    func call() async throws {
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        async let reply = link.call(.exec, body: #"{"cmd":"ls"}"#, timeout: .seconds(5))
        let task = try await agent.nextTask()
        #expect(task.id > 1 << 32)
        #expect(task.type == 15)
        #expect(task.data == #"{"cmd":"ls"}"#)
        agent.answer(task, "done")
        #expect(try await reply.data == "done")
        #expect(agent.stream.openCalls == 0)
    }

    @Test("many calls at once each get their own reply, in whatever order these come")
    func manyCalls() async throws {
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        let replies = try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for number in 0..<200 {
                group.addTask {
                    (number, try await link.call(.exec, body: "\(number)", timeout: .seconds(20)).data)
                }
            }
            group.addTask {
                let tasks = try await (0..<200).asyncMap { _ in try await agent.nextTask() }
                #expect(Set(tasks.map(\.id)).count == 200)
                for task in tasks.shuffled() { agent.answer(task, "reply \(task.data)") }
                return (-1, "")
            }
            return try await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
        }
        for number in 0..<200 { #expect(replies[number] == "reply \(number)") }
    }

    @Test("without a task stream a server is offline")
    func offline() async throws {
        await #expect(throws: AgentCallError.offline) { try await directory.link(to: 1) }
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        agent.close()
        await #expect(throws: AgentCallError.offline) { try await directory.link(to: 1) }
        await #expect(throws: AgentCallError.offline) {
            try await link.call(.exec, body: "", timeout: .seconds(5))
        }
        await #expect(throws: AgentCallError.offline) { try await directory.send(.keepalive, id: 0, body: "", to: 1) }
        await #expect(throws: AgentCallError.offline) { try await link.openTerminal() }
    }

    @Test("forged or late agent results: a foreign, unknown, mistyped, late or second result changes nothing")
    func forgedResults() async throws {
        let agent = try FakeAgent(directory)
        let stranger = try FakeAgent(directory, server: 2)
        let link = try await directory.link(to: 1)
        async let reply = link.call(.exec, body: "", timeout: .seconds(5))
        let task = try await agent.nextTask()
        stranger.answer(task, "forged by another server")
        agent.answer(task.id, .fsRead, "of another type")
        agent.answer(7, .exec, "never sent")
        agent.answer(task.id + 1_000_000, .exec, "not sent yet")
        agent.answer(task, "true")
        agent.answer(task, "again")
        #expect(try await reply.data == "true")
        let counters = directory.counters.snapshot
        #expect(counters.mistypedResults == 1)
        #expect(counters.unknownResults == 2)
        #expect(counters.lateResults == 2)
    }

    @Test("forged or late agent results: one that comes after the deadline is dropped")
    func lateResult() async throws {
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        await #expect(throws: AgentCallError.timeout) {
            try await link.call(.exec, body: "", timeout: .milliseconds(20))
        }
        let task = try await agent.nextTask()
        agent.answer(task)
        #expect(directory.counters.snapshot.lateResults == 1)
        #expect(agent.stream.openCalls == 0)
    }

    @Test("forged or late agent results: the answer to an old stream's task does not count on the new one")
    func resultOnNewerStream() async throws {
        let old = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        let reply = Task { try await link.call(.exec, body: "", timeout: .seconds(5)) }
        let task = try await old.nextTask()
        let new = try FakeAgent(directory)
        new.answer(task, "too late")
        await #expect(throws: AgentCallError.offline) { try await reply.value }
        #expect(directory.counters.snapshot.lateResults == 1)
    }

    @Test("a newer task stream ends the old one at once, and its calls in flight are offline")
    func supersede() async throws {
        let old = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        let lost = Task { try await link.call(.exec, body: "", timeout: .seconds(5)) }
        _ = try await old.nextTask()
        let new = try FakeAgent(directory)
        await #expect(throws: AgentCallError.offline) { try await lost.value }
        #expect(try await old.stream.ended.value() == .taskStreamSuperseded)
        await #expect(throws: AgentStreamEnd.taskStreamSuperseded) { try await old.nextTask() }

        async let reply = link.call(.exec, body: "", timeout: .seconds(5))
        new.answer(try await new.nextTask(), "new")
        #expect(try await reply.data == "new")
        old.close()
        #expect(await directory.presence(of: [1])[1]?.isAttached == true)
        #expect(directory.counters.snapshot.supersededStreams == 1)
    }

    @Test("no call goes to a dead stream while an agent reconnects")
    func reconnecting() async throws {
        let directory = directory
        _ = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        let outcomes = try await withThrowingTaskGroup(of: [String].self) { group in
            group.addTask {
                await withTaskGroup(of: Void.self) { agents in
                    for _ in 0..<50 {
                        guard let agent = try? FakeAgent(directory) else { continue }
                        agents.addTask { while let task = try? await agent.nextTask() { agent.answer(task, "ok") } }
                        try? await Task.sleep(for: .milliseconds(2))
                    }
                    directory.shutdown()
                }
                return []
            }
            for _ in 0..<8 {
                group.addTask {
                    await (0..<100).asyncMap { _ in
                        do { return try await link.call(.exec, body: "", timeout: .seconds(20)).data } catch {
                            return "\(error)"
                        }
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(outcomes.count == 800)
        // A call either got its reply or was told at once that its stream is gone; none ran into its deadline.
        #expect(outcomes.allSatisfy { $0 == "ok" || $0 == "offline" })
    }

    @Test("a cancelled call ends at once, and an agent that knows how is told to stop", arguments: [true, false])
    func cancellation(knowsCancel: Bool) async throws {
        let agent = try FakeAgent(directory, extensions: knowsCancel ? .cancel : [])
        let link = try await directory.link(to: 1)
        #expect(link.canCancel == knowsCancel)
        let call = Task { try await link.call(.exec, body: "", timeout: .seconds(60)) }
        let task = try await agent.nextTask()
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        try await directory.send(.upgrade, id: AgentTaskID.next(), body: "marker", to: 1)
        let next = try await agent.nextTask()
        if knowsCancel {
            #expect(next == AgentTask(id: 0, type: .cancel, data: #"{"id":\#(task.id)}"#))
        } else {
            #expect(next.data == "marker")
        }
        agent.answer(task, "late")
        #expect(directory.counters.snapshot.lateResults == 1)
    }

    @Test("a task that is too large is refused before anything is sent")
    func payloadGuard() async throws {
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        // Tag and value of the id, of the type, and tag and length of the data.
        let overhead = 6 + 2 + 5
        let largest = String(repeating: "x", count: AgentTask.sizeLimit - overhead)
        async let reply = link.call(.fsWrite, body: largest, timeout: .seconds(5))
        let task = try await agent.nextTask()
        #expect(task.encodedSize == AgentTask.sizeLimit)
        agent.answer(task)
        _ = try await reply
        await #expect(throws: AgentCallError.payloadTooLarge(bytes: 3_670_017, limit: 3_670_016)) {
            try await link.call(.fsWrite, body: largest + "x", timeout: .seconds(5))
        }
        #expect(agent.stream.openCalls == 0)
        try await directory.send(.keepalive, id: 0, body: "", to: 1)
        #expect(try await agent.nextTask().type == 7)
    }

    @Test("an agent that takes no tasks is offline after a while, and holds no other agent back")
    func stalledAgent() async throws {
        var configuration = AgentLinkConfiguration()
        configuration.taskQueue = (count: 2, bytes: 1 << 20)
        configuration.sendTimeout = .milliseconds(50)
        let directory = AgentDirectory(configuration: configuration)
        let stalled = try FakeAgent(directory, server: 1)
        let healthy = try FakeAgent(directory, server: 2)
        let link = try await directory.link(to: 1)
        try await directory.send(.keepalive, id: 0, body: "", to: 1)
        try await directory.send(.keepalive, id: 0, body: "", to: 1)
        await #expect(throws: AgentCallError.offline) { try await link.call(.exec, body: "", timeout: .seconds(5)) }
        #expect(stalled.stream.openCalls == 0)
        let other = try await directory.link(to: 2)
        async let reply = other.call(.exec, body: "", timeout: .seconds(5))
        healthy.answer(try await healthy.nextTask(), "fine")
        #expect(try await reply.data == "fine")
    }

    @Test("results of probes and commands go to the sink, those of calls never do")
    func resultSink() async throws {
        let sink = RecordingSink()
        let directory = AgentDirectory(results: sink)
        let agent = try FakeAgent(directory)
        try await directory.send(.command, id: 12, body: "ls", to: 1)
        let task = try await agent.nextTask()
        #expect(task == AgentTask(id: 12, type: .command, data: "ls"))
        agent.answer(task, "out")
        agent.answer(0, .keepalive)
        agent.answer(12, .exec, "forged")
        agent.answer(12, .reportConfig, "forged")
        try await directory.send(.upgrade, id: AgentTaskID.next(), body: "", to: 1)
        agent.answer(try await agent.nextTask(), "")
        #expect(sink.seen == ["1 command 12 out", "1 upgrade "])
        #expect(directory.counters.snapshot.unknownResults == 2)
    }

    @Test("a server that is deleted during a call gives a clear error, and its streams are ended")
    func deleted() async throws {
        let agent = try FakeAgent(directory)
        let states = try agent.session.openStateStream()
        try agent.session.report(HostState(), on: states)
        let link = try await directory.link(to: 1)
        let reply = Task { try await link.call(.exec, body: "", timeout: .seconds(5)) }
        _ = try await agent.nextTask()
        await directory.disconnect(server: 1, detach: true)
        await #expect(throws: AgentCallError.offline) { try await reply.value }
        #expect(try await agent.stream.ended.value() == .serverRemoved)
        #expect(try await states.ended.value() == .serverRemoved)
        #expect(throws: AgentStreamEnd.serverRemoved) { try agent.session.report(HostState(), on: states) }
        #expect(throws: AgentStreamEnd.serverRemoved) { try agent.session.openTaskStream([]) }
        #expect(await directory.presence(of: [1]).isEmpty)
        await #expect(throws: AgentCallError.offline) { try await link.call(.exec, body: "", timeout: .seconds(5)) }
    }

    @Test("a disconnect that does not detach leaves the calls alone")
    func disconnectOnly() async throws {
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        async let reply = link.call(.exec, body: "", timeout: .seconds(5))
        let task = try await agent.nextTask()
        await directory.disconnect(server: 1, detach: false)
        agent.answer(task, "still here")
        #expect(try await reply.data == "still here")
    }
}
