import Testing

@testable import AgentLink

/// Streams that a person opens in one request and attaches to in another.
@Suite("Announced IOStreams", .timeLimit(.minutes(5)))
struct AnnouncedStreamTests {
    static let owner = AgentStreamCredential(userID: 7)

    private static func claim(_ user: Int64 = 7, _ purpose: AgentStreamPurpose = .terminal) -> AgentStreamClaim {
        AgentStreamClaim(
            purpose: purpose, credential: AgentStreamCredential(userID: user), isAdministrator: false)
    }

    private static func directory(_ change: (inout AgentStreamLimits) -> Void = { _ in }) -> AgentDirectory {
        var configuration = AgentLinkConfiguration()
        change(&configuration.streamLimits.terminal)
        return AgentDirectory(configuration: configuration)
    }

    private func announce(
        _ directory: AgentDirectory, _ owner: AgentStreamCredential = Self.owner
    ) async throws -> String {
        try await directory.link(to: 1).announceStream(.terminal, owner: owner)
    }

    @Test("the agent is told at once, and either side may come first", arguments: [true, false])
    func order(agentFirst: Bool) async throws {
        let directory = Self.directory()
        let agent = try FakeAgent(directory)
        let id = try await announce(directory)
        let task = try await agent.nextTask()
        #expect(task.type == 8)
        #expect(try StreamTask(json: task.data).streamID == id)
        #expect(await directory.server(ofStream: id, for: Self.claim()) == 1)
        let stream: any AgentStream
        let attached: AttachedStream
        if agentFirst {
            attached = try agent.attach(to: id)
            #expect(try await attached.agentSent([1]))
            stream = try await directory.attachStream(id, for: Self.claim())
            try await stream.send([2])
        } else {
            stream = try await directory.attachStream(id, for: Self.claim())
            try await stream.send([2])
            attached = try agent.attach(to: id)
            #expect(try await attached.agentSent([1]))
        }
        #expect(try await stream.receive() == [1])
        #expect(try await attached.session.outbound.next() == [2])
        await stream.close()
        #expect(directory.streamCount == 0)
    }

    @Test("what an agent said before it ended is read by a client who comes later")
    func agentEndsFirst() async throws {
        let directory = Self.directory()
        let agent = try FakeAgent(directory)
        let id = try await announce(directory)
        let attached = try await agent.attachNext()
        _ = try await attached.agentSent([1])
        attached.session.handle(.agentEnded)
        let stream = try await directory.attachStream(id, for: Self.claim())
        #expect(try await stream.receive() == [1])
        #expect(try await stream.receive() == nil)
        await stream.close()
        #expect(directory.streamCount == 0)
    }

    @Test("stream id used as a credential: other users and purposes, second attaches, closed and invented ids")
    func credential() async throws {
        let directory = Self.directory()
        let agent = try FakeAgent(directory)
        let id = try await announce(directory)
        let refused = [(id, Self.claim(8)), (id, Self.claim(7, .fileManager)), ("invented", Self.claim())]
        for (id, claim) in refused {
            #expect(await directory.server(ofStream: id, for: claim) == nil)
            await #expect(throws: AgentCallError.streamRefused) { try await directory.attachStream(id, for: claim) }
        }
        // None of these has used it up.
        let stream = try await directory.attachStream(id, for: Self.claim())
        #expect(await directory.server(ofStream: id, for: Self.claim()) == nil)
        await #expect(throws: AgentCallError.streamRefused) { try await directory.attachStream(id, for: Self.claim()) }
        await stream.close()
        await #expect(throws: AgentCallError.streamRefused) { try await directory.attachStream(id, for: Self.claim()) }
        #expect(throws: IOStreamRefusal.notAuthorized) { try agent.attach(to: id) }
    }

    @Test("stream id used as a credential: a stream that is opened for the program itself has no user's side")
    func openerOnly() async throws {
        let directory = Self.directory()
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        async let opening = link.openTerminal(user: 7)
        let attached = try await agent.attachNext()
        await #expect(throws: AgentCallError.streamRefused) {
            try await directory.attachStream(attached.session.id, for: Self.claim())
        }
        await (try await opening).close()
    }

    @Test("the agent has its time from the client's attachment on, and nothing stays behind")
    func agentDeadline() async throws {
        let directory = Self.directory { $0.agentAttach = .milliseconds(20) }
        let agent = try FakeAgent(directory)
        let id = try await announce(directory)
        try await Task.sleep(for: .milliseconds(60))
        let stream = try await directory.attachStream(id, for: Self.claim())
        await #expect(throws: AgentCallError.notAttached(seconds: 0)) { try await stream.receive() }
        await #expect(throws: AgentCallError.self) { try await stream.send([1]) }
        #expect(directory.streamCount == 0)
        #expect(agent.session.streamCount == 0)
        await stream.close()
    }

    @Test("unbounded streams: one that nobody attaches to ends, with and without its agent", arguments: [true, false])
    func unclaimed(withAgent: Bool) async throws {
        let directory = Self.directory { $0.clientAttach = .milliseconds(500) }
        let agent = try FakeAgent(directory)
        let id = try await announce(directory)
        let attached = withAgent ? try agent.attach(to: id) : nil
        while directory.streamCount > 0 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(agent.session.streamCount == 0)
        if let attached { #expect(try await attached.end.value() == .now) }
        await #expect(throws: AgentCallError.streamRefused) { try await directory.attachStream(id, for: Self.claim()) }
    }

    @Test("unbounded streams: a claimed stream outlives the time for its attachment")
    func claimed() async throws {
        let directory = Self.directory { $0.clientAttach = .seconds(1) }
        let agent = try FakeAgent(directory)
        let id = try await announce(directory)
        let stream = try await directory.attachStream(id, for: Self.claim())
        try await Task.sleep(for: .milliseconds(1200))
        let attached = try agent.attach(to: id)
        #expect(try await attached.agentSent([1]))
        #expect(try await stream.receive() == [1])
        await stream.close()
    }

    @Test("unbounded streams: idle and total limits end a stream for both sides, saying why", arguments: [true, false])
    func limits(idle: Bool) async throws {
        let directory = Self.directory {
            if idle { $0.idle = .milliseconds(500) } else { $0.total = .milliseconds(500) }
        }
        let agent = try FakeAgent(directory)
        let stream = try await directory.attachStream(try await announce(directory), for: Self.claim())
        let attached = try await agent.attachNext()
        let reason = idle ? "the stream was idle for too long" : "the stream has reached its time limit"
        await #expect(throws: AgentCallError.streamExpired(reason)) { try await stream.receive() }
        #expect(try await attached.end.value() == .now)
        #expect(directory.streamCount == 0)
    }

    @Test("unbounded streams: traffic in one direction keeps an idle limit away")
    func busy() async throws {
        let directory = Self.directory { $0.idle = .seconds(2) }
        let agent = try FakeAgent(directory)
        let stream = try await directory.attachStream(try await announce(directory), for: Self.claim())
        let attached = try await agent.attachNext()
        for _ in 0..<60 {
            try await stream.send([1])
            _ = try await attached.session.outbound.next()
            try await Task.sleep(for: .milliseconds(45))
        }
        #expect(attached.session.state == .open)
        await stream.close()
    }

    @Test("a waiting client learns at once that the agent or the server is gone", arguments: [true, false])
    func agentLost(removed: Bool) async throws {
        let directory = Self.directory()
        let agent = try FakeAgent(directory)
        let stream = try await directory.attachStream(try await announce(directory), for: Self.claim())
        let reading = Task { try await stream.receive() }
        _ = try await agent.nextTask()
        if removed { await directory.disconnect(server: 1, detach: true) } else { agent.close() }
        let expected = removed ? AgentCallError.brokenStream("the server was disconnected") : .offline
        await #expect(throws: expected) { try await reading.value }
        #expect(directory.streamCount == 0)
    }

    @Test("no stream is announced to a server without an agent")
    func offline() async throws {
        let directory = Self.directory()
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        agent.close()
        await #expect(throws: AgentCallError.offline) { try await link.announceStream(.terminal, owner: Self.owner) }
        #expect(directory.streamCount == 0)
    }

    @Test("unbounded streams: 20 for a user, 40 for a server, the 21st and 41st are refused, and slots come back")
    func quotas() async throws {
        let directory = Self.directory()
        let agent = try FakeAgent(directory)
        var ids: [String] = []
        for user in [7, 8] as [Int64] {
            for _ in 0..<20 { ids.append(try await announce(directory, AgentStreamCredential(userID: user))) }
            await #expect(throws: AgentCallError.tooManyStreams("too many concurrent streams for this user")) {
                try await announce(directory, AgentStreamCredential(userID: user))
            }
        }
        await #expect(throws: AgentCallError.tooManyStreams("too many concurrent streams for this server")) {
            try await announce(directory, AgentStreamCredential(userID: 9))
        }
        await (try await directory.attachStream(ids[0], for: Self.claim())).close()
        ids.append(try await announce(directory))
        await agent.directory.disconnect(server: 1, detach: false)
        #expect(directory.streamCount == 0)
        for _ in 0..<20 { _ = try await announce(directory) }
    }
}
