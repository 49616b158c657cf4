import Testing

@testable import AgentLink

@Suite("IOStreams", .timeLimit(.minutes(5)))
struct IOStreamTests {
    let directory = AgentDirectory()

    /// An open stream and its agent's side.
    private func openStream(
        _ agent: FakeAgent, user: Int64? = 1
    ) async throws -> (any AgentStream, AttachedStream) {
        let link = try await agent.directory.link(to: agent.session.serverID)
        async let stream = link.openTerminal(user: user)
        let attached = try await agent.attachNext()
        return (try await stream, attached)
    }

    @Test("frames go both ways, keep-alives show on neither side")
    func frames() async throws {
        let agent = try FakeAgent(directory)
        let (stream, attached) = try await openStream(agent)
        #expect(attached.session.id == stream.id)
        #expect(try await attached.agentSent([1, 2]))
        #expect(try await attached.agentSent([]))
        #expect(try await attached.agentSent([3]))
        #expect(try await stream.receive() == [1, 2])
        #expect(try await stream.receive() == [3])
        try await stream.send([4])
        #expect(try await attached.session.outbound.next() == [4])
        await stream.close()
    }

    @Test("after the agent's end the client reads the rest, then the end")
    func agentEnds() async throws {
        let agent = try FakeAgent(directory)
        let (stream, attached) = try await openStream(agent)
        _ = try await attached.agentSent([1])
        attached.session.handle(.agentEnded)
        #expect(try await attached.end.value() == .now)
        #expect(try await stream.receive() == [1])
        #expect(try await stream.receive() == nil)
        await #expect(throws: AgentCallError.self) { try await stream.send([1]) }
        #expect(directory.streamCount == 1)
        await stream.close()
        #expect(directory.streamCount == 0)
    }

    @Test("a lost agent breaks the stream")
    func agentLost() async throws {
        let agent = try FakeAgent(directory)
        let (stream, attached) = try await openStream(agent)
        let frame = Task { try await stream.receive() }
        attached.session.handle(.agentFailed)
        await #expect(throws: AgentCallError.brokenStream("the agent's stream was lost")) { try await frame.value }
        await stream.close()
        #expect(directory.streamCount == 0)
    }

    @Test("closing sends what was written before, and can be repeated")
    func close() async throws {
        let agent = try FakeAgent(directory)
        let (stream, attached) = try await openStream(agent)
        try await stream.send([1])
        await stream.close()
        await stream.close()
        #expect(try await attached.end.value() == .afterDraining)
        #expect(try await attached.session.outbound.next() == [1])
        #expect(try await attached.session.outbound.next() == nil)
        #expect(try await attached.agentSent([1]))
        attached.session.handle(.rpcEnded)
        #expect(try await attached.agentSent([1]) == false)
        await #expect(throws: AgentCallError.brokenStream("closed")) { try await stream.receive() }
        await #expect(throws: AgentCallError.brokenStream("closed")) { try await stream.send([2]) }
    }

    @Test("a reader that does not read holds the agent back, and a slow agent holds the writer back")
    func backPressure() async throws {
        var configuration = AgentLinkConfiguration()
        configuration.streamQueue = (count: 4, bytes: 1000)
        let directory = AgentDirectory(configuration: configuration)
        let agent = try FakeAgent(directory)
        let (stream, attached) = try await openStream(agent)
        let received = Tally()
        let sent = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for byte in UInt8(0)..<20 {
                    _ = try await attached.agentSent([byte])
                    received.add()
                }
            }
            group.addTask {
                for _ in 0..<3 {
                    try await stream.send([UInt8](repeating: 0, count: 600))
                    sent.add()
                }
            }
            try await eventually { received.count == 4 && sent.count == 2 }
            try await Task.sleep(for: .milliseconds(50))
            #expect(received.count == 4)
            #expect(sent.count == 2)
            for byte in UInt8(0)..<20 { #expect(try await stream.receive() == [byte]) }
            for _ in 0..<3 { _ = try await attached.session.outbound.next() }
            try await group.waitForAll()
        }
        await stream.close()
    }

    @Test("an agent that does not come in time leaves nothing behind")
    func attachTimeout() async throws {
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        await #expect(throws: AgentCallError.notAttached(seconds: 1)) {
            try await link.openTerminal(timeout: .seconds(1))
        }
        #expect(directory.streamCount == 0)
        #expect(agent.session.streamCount == 0)
        await #expect(throws: IOStreamRefusal.notAuthorized) { try await agent.attachNext() }
    }

    @Test("an opener that is cancelled leaves nothing behind")
    func openerCancelled() async throws {
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        let opener = Task { try await link.openTerminal() }
        _ = try await agent.nextTask()
        opener.cancel()
        await #expect(throws: CancellationError.self) { try await opener.value }
        #expect(directory.streamCount == 0)
        #expect(agent.session.streamCount == 0)
    }

    @Test("an opener learns at once when the stream of its announcement is lost")
    func announcementLost() async throws {
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        let stream = Task { try await link.openTerminal() }
        _ = try await agent.nextTask()
        agent.close()
        await #expect(throws: AgentCallError.offline) { try await stream.value }
        #expect(directory.streamCount == 0)
    }

    @Test("stream id used as a credential: other servers, second attaches, closed and invented ids are refused")
    func credential() async throws {
        let agent = try FakeAgent(directory)
        let stranger = try FakeAgent(directory, server: 2)
        let link = try await directory.link(to: 1)
        async let opening = link.openTerminal()
        let id = try StreamTask(json: try await agent.nextTask().data).streamID
        #expect(throws: IOStreamRefusal.notAuthorized) { try stranger.attach(to: id) }
        #expect(throws: IOStreamRefusal.notAuthorized) { try stranger.attach(to: "invented") }
        _ = try agent.attach(to: id)
        let stream = try await opening
        #expect(throws: IOStreamRefusal.alreadyConnected) { try agent.attach(to: id) }
        #expect(throws: IOStreamRefusal.notAuthorized) { try stranger.attach(to: id) }
        await stream.close()
        #expect(throws: IOStreamRefusal.notAuthorized) { try agent.attach(to: id) }
    }

    @Test("unbounded streams: 20 for a user, 40 for a server, and the slot comes back")
    func quotas() async throws {
        let first = try FakeAgent(directory, server: 1)
        let second = try FakeAgent(directory, server: 2)
        let link = try await directory.link(to: 1)
        var open: [any AgentStream] = []
        for _ in 0..<10 { open.append(try await openStream(first, user: 7).0) }
        for _ in 0..<10 { open.append(try await openStream(second, user: 7).0) }
        await #expect(throws: AgentCallError.tooManyStreams("too many concurrent streams for this user")) {
            try await link.openTerminal(user: 7)
        }
        for _ in 0..<30 { open.append(try await openStream(first, user: nil).0) }
        await #expect(throws: AgentCallError.tooManyStreams("too many concurrent streams for this server")) {
            try await link.openTerminal(user: 8)
        }
        await open[0].close()
        open.append(try await openStream(first, user: 7).0)
        await #expect(throws: AgentCallError.tooManyStreams("too many concurrent streams for this user")) {
            try await link.openTerminal(user: 7)
        }
        for stream in open { await stream.close() }
        #expect(directory.streamCount == 0)
        #expect(first.session.streamCount == 0)
        for _ in 0..<20 { _ = try await openStream(second, user: 7) }
        #expect(directory.streamCount == 20)
    }

    @Test("unbounded streams: transfers count against the server only")
    func transferQuota() async throws {
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        for _ in 0..<40 {
            async let stream = link.openStream(.transfer, userID: 7, attachTimeout: .seconds(5)) { id in
                StreamTask(streamID: id).jsonText()
            }
            try await agent.attachNext()
            _ = try await stream
        }
        await #expect(throws: AgentCallError.tooManyStreams("too many concurrent streams for this server")) {
            try await link.openTerminal(user: 7)
        }
    }

    @Test("unbounded streams: tunnels, which strangers open, leave 4 of a user and 8 of a server to people")
    func tunnelQuota() async throws {
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        func openTunnel(user: Int64) async throws {
            async let stream = link.openStream(.nat, userID: user, attachTimeout: .seconds(5)) { id in
                StreamTask(streamID: id).jsonText()
            }
            try await agent.attachNext()
            _ = try await stream
        }
        for user: Int64 in [7, 8] { for _ in 0..<16 { try await openTunnel(user: user) } }
        for (user, whose) in [(Int64(7), "user"), (9, "server")] {
            await #expect(throws: AgentCallError.tooManyStreams("too many concurrent streams for this \(whose)")) {
                _ = try await link.openStream(.nat, userID: user, attachTimeout: .seconds(5)) { id in
                    StreamTask(streamID: id).jsonText()
                }
            }
        }
        for user: Int64 in [7, 8] { for _ in 0..<4 { _ = try await openStream(agent, user: user) } }
        #expect(directory.streamCount == 40)
    }

    @Test("unbounded streams: the slot comes back on every way out of opening")
    func churn() async throws {
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        for round in 0..<100 {
            let opener = Task {
                try await link.openTerminal(user: 7, timeout: .milliseconds(round % 3 == 0 ? 1 : 5000))
            }
            let task = try await agent.nextTask()
            switch round % 3 {
            case 0: break
            case 1: opener.cancel()
            default: _ = try agent.attach(to: try StreamTask(json: task.data).streamID)
            }
            if let stream = try? await opener.value { await stream.close() }
        }
        #expect(directory.streamCount == 0)
        #expect(agent.session.streamCount == 0)
    }

    @Test("a deleted or disconnected server wakes readers, writers and openers", arguments: [true, false])
    func disconnect(detach: Bool) async throws {
        var configuration = AgentLinkConfiguration()
        configuration.streamQueue = (count: 1, bytes: 1000)
        let directory = AgentDirectory(configuration: configuration)
        let agent = try FakeAgent(directory)
        let (stream, attached) = try await openStream(agent)
        let link = try await directory.link(to: 1)
        let opening = Task { try await link.openTerminal() }
        _ = try await agent.nextTask()
        try await stream.send([1])
        let reading = Task { try await stream.receive() }
        let writing = Task { try await stream.send([2]) }
        try await Task.sleep(for: .milliseconds(20))
        await directory.disconnect(server: 1, detach: detach)
        let broken = AgentCallError.brokenStream("the server was disconnected")
        await #expect(throws: broken) { try await reading.value }
        await #expect(throws: AgentCallError.self) { try await writing.value }
        await #expect(throws: AgentCallError.self) { try await opening.value }
        #expect(try await attached.end.value() == .now)
        #expect(directory.streamCount == 0)
        await stream.close()
    }
}
