import Testing

@testable import AgentLink

@Suite("Tasks that may have no reply", .timeLimit(.minutes(5)))
struct TaskSendTests {
    let directory = AgentDirectory()

    private func send(_ patience: Duration = .seconds(20)) async throws -> AgentTaskReply? {
        try await directory.link(to: 1).send(.upgrade, body: "", awaitingReplyFor: patience)
    }

    @Test("a refusal in time is told")
    func refused() async throws {
        let agent = try FakeAgent(directory)
        async let reply = send()
        let task = try await agent.nextTask()
        #expect(task.type == 6)
        #expect(task.id > 1 << 32)
        agent.answer(task.id, .upgrade, "no", successful: false)
        #expect(try await reply?.successful == false)
        #expect(agent.stream.openCalls == 0)
    }

    @Test("silence is no failure, nor is an agent that leaves: it was sent")
    func silent() async throws {
        let agent = try FakeAgent(directory)
        #expect(try await send(.milliseconds(20)) == nil)
        _ = try await agent.nextTask()
        async let reply = send()
        _ = try await agent.nextTask()
        agent.close()
        #expect(try await reply == nil)
        #expect(agent.stream.openCalls == 0)
    }

    @Test("what was not sent is told: offline, too large, or a queue that stays full")
    func notSent() async throws {
        await #expect(throws: AgentCallError.offline) { try await send() }
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        await #expect(throws: AgentCallError.self) {
            try await link.send(
                .applyConfig, body: String(repeating: "x", count: 4 << 20), awaitingReplyFor: .seconds(20))
        }
        for _ in 0..<directory.configuration.taskQueue.count {
            try await directory.send(.keepalive, id: 0, body: "", to: 1)
        }
        await #expect(throws: AgentCallError.offline) {
            try await link.send(.upgrade, body: "", awaitingReplyFor: .milliseconds(20))
        }
        // Whoever serves many agents does not wait for this one: that would be half a minute.
        let start = ContinuousClock.now
        await #expect(throws: AgentCallError.offline) {
            try await directory.send(.keepalive, id: 0, body: "", to: 1)
        }
        #expect(ContinuousClock.now - start < .seconds(20))
        agent.close()
        await #expect(throws: AgentCallError.offline) {
            try await link.send(.upgrade, body: "", awaitingReplyFor: .seconds(20))
        }
    }
}
