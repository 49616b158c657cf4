import GRPC
import HTTP
import Testing
import Transport

@testable import AgentLink

/// What a peer that does not read, or does not stop sending, can do.
@Suite("gRPC service: back-pressure and hostile peers", .timeLimit(.minutes(5)))
struct BackPressureTests {
    private func openStream(
        _ client: LinkClient, _ directory: AgentDirectory
    ) async throws -> (any AgentStream, String) {
        let tasks = client.openTasks(.agent(1))
        try await eventually { directory.attachedCount == 1 }
        let id = try await directory.link(to: 1).announceStream(.terminal, owner: AnnouncedStreamTests.owner)
        _ = try await tasks.received.next()
        let claim = AgentStreamClaim(
            purpose: .terminal, credential: AnnouncedStreamTests.owner, isAdministrator: false)
        return (try await directory.attachStream(id, for: claim), id)
    }

    @Test("a user who does not read shuts the agent's window, and gets everything on reading", arguments: [1, 9000])
    func slowUser(size: Int) async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            let (stream, id) = try await openStream(client, directory)
            let sent = Tally()
            let count = 2000 / max(1, size / 3000)
            let sending = Task {
                try await client.client.withStream(NezhaMethod.ioStream.path, metadata: .agent(1)) { call in
                    try await call.send(IOStreamFrame(StreamAttachFrame.encode(streamID: id)).protobuf())
                    for number in 0..<count {
                        var frame = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size)
                        frame[size - 1] = UInt8(truncatingIfNeeded: number)
                        try await call.send(IOStreamFrame(frame).protobuf())
                        sent.add()
                    }
                    await call.finish()
                    while try await call.next() != nil {}
                }
            }
            if size > 1 {
                try await Task.sleep(for: .milliseconds(300))
                // The mailbox, the windows and what the client itself holds: less than a tenth of all.
                #expect(sent.count < count / 2)
            }
            for number in 0..<count {
                let frame = try #require(try await stream.receive())
                #expect(frame.count == size)
                #expect(frame.last == UInt8(truncatingIfNeeded: number))
            }
            #expect(try await stream.receive() == nil)
            try await sending.value
            await stream.close()
        }
    }

    @Test("END_STREAM and at once RST_STREAM: what came before is delivered, and the end is a normal one")
    func endAndReset() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            let (stream, id) = try await openStream(client, directory)
            try await client.client.withStream(NezhaMethod.ioStream.path, metadata: .agent(1)) { call in
                try await call.send(IOStreamFrame(StreamAttachFrame.encode(streamID: id)).protobuf())
                // More than the mailbox holds, so that the agent is held back when it ends.
                for number in UInt8(0)..<50 { try await call.send(IOStreamFrame([number]).protobuf()) }
                await call.finish()
                call.cancel()
            }
            try await Task.sleep(for: .milliseconds(100))
            for number in UInt8(0)..<50 { #expect(try await stream.receive() == [number]) }
            #expect(try await stream.receive() == nil)
            await stream.close()
            #expect(directory.streamCount == 0)
        }
    }

    @Test("an agent that does not read holds the user's side back, and the linger ends its call")
    func slowAgent() async throws {
        var configuration = AgentLinkConfiguration()
        configuration.linger = .milliseconds(50)
        let directory = AgentDirectory(configuration: configuration)
        try await withLink(directory) { client, _ in
            let (stream, id) = try await openStream(client, directory)
            try await client.client.withStream(NezhaMethod.ioStream.path, metadata: .agent(1)) { call in
                try await call.send(IOStreamFrame(StreamAttachFrame.encode(streamID: id)).protobuf())
                let sent = Tally()
                let sending = Task {
                    for _ in 0..<1000 {
                        try await stream.send([UInt8](repeating: 1, count: 100_000))
                        sent.add()
                    }
                }
                try await Task.sleep(for: .milliseconds(300))
                #expect(sent.count < 100)
                await stream.close()
                await #expect(throws: AgentCallError.brokenStream("closed")) { try await sending.value }
                // What had been sent is heard, then a normal end.
                while try await call.next() != nil {}
            }
        }
    }

    @Test("an agent that takes no tasks is told so, and its calls are offline")
    func stalled() async throws {
        var configuration = AgentLinkConfiguration()
        configuration.sendTimeout = .milliseconds(200)
        let directory = AgentDirectory(configuration: configuration)
        try await withLink(directory) { client, _ in
            try await client.client.withStream(NezhaMethod.requestTask.path, metadata: .agent(1)) { call in
                _ = try await call.initialMetadata()
                try await eventually { directory.attachedCount == 1 }
                let link = try await directory.link(to: 1)
                let body = String(repeating: "x", count: 3 << 20)
                let calls = (0..<4).map { _ in Task { try await link.call(.exec, body: body, timeout: .seconds(30)) } }
                for task in calls { await #expect(throws: AgentCallError.offline) { try await task.value } }
                #expect(directory.attachedCount == 0)
                let end = await #expect(throws: GRPCStatus.self) { while try await call.next() != nil {} }
                #expect(end?.code == .unavailable)
                #expect(end?.message == "the agent did not take its tasks in time")
            }
        }
    }

    @Test("what is no protobuf ends its call as an invalid argument, and no other")
    func malformed() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            let (stream, id) = try await openStream(client, directory)
            let states = client.openStates(.agent(1))
            try await states.send(raw: [0x0A, 0xFF])
            #expect(try await states.status.value() == GRPCStatus(.invalidArgument, "the message cannot be read"))
            let io = try await client.openIO(.agent(1), first: StreamAttachFrame.encode(streamID: id))
            try await io.send(raw: [0x0A, 0xFF])
            #expect(try await io.status.value()?.code == .invalidArgument)
            await #expect(throws: AgentCallError.brokenStream("the agent's stream was lost")) {
                try await stream.receive()
            }
            for method in [NezhaMethod.reportSystemInfo, .reportSystemInfo2, .reportGeoIP] {
                let status = await #expect(throws: GRPCStatus.self) {
                    try await client.client.unary(
                        method.path, [0x0A, 0xFF], metadata: .agent(1), timeout: .seconds(10))
                }
                #expect(status?.code == .invalidArgument)
            }
            #expect(directory.attachedCount == 1)
            let other = client.openTasks(.agent(2))
            try await other.send(raw: [0x22, 0x02, 0xC3, 0x28])
            #expect(try await other.status.value()?.message == "the message holds text that is not UTF-8")
        }
    }

    @Test("a method that is not there is unimplemented, however near its name")
    func unknownMethod() async throws {
        try await withLink { client, _ in
            for path in ["/proto.NezhaService/Nothing", "/proto.NezhaService/requestTask", "/proto.NezhaService/"] {
                let status = await #expect(throws: GRPCStatus.self) {
                    try await client.client.unary(path, [], metadata: .agent(1), timeout: .seconds(10))
                }
                #expect(status?.code == .unimplemented)
            }
        }
    }

    @Test("no message is looked at before the agent was admitted, and a call that ends meanwhile cancels the look-up")
    func slowAuthority() async throws {
        let directory = AgentDirectory()
        let authority = SlowAuthority()
        try await withLink(directory, authority: authority) { client, _ in
            try await client.client.withStream(
                NezhaMethod.reportSystemState.path, metadata: .agent(1)
            ) { call in
                try await call.send(HostState.everyFieldSet.protobuf())
                try await eventually { authority.begun.count == 1 }
                #expect(await directory.presence(of: [1]).isEmpty)
            }
            try await eventually { authority.cancelled.count == 1 }
            #expect(await directory.presence(of: [1]).isEmpty)
        }
    }
}

/// Never answers.
private struct SlowAuthority: AgentAuthority {
    let begun = Tally()
    let cancelled = Tally()

    func admit(secret: String, uuid: String, peer: AgentPeer) async throws(AgentRefusal) -> AgentIdentity {
        begun.add()
        do { try await Task.sleep(for: .seconds(60)) } catch { cancelled.add() }
        throw .unavailable
    }
}
