import GRPC
import Testing

@testable import AgentLink

@Suite("gRPC service: IOStream", .timeLimit(.minutes(5)))
struct IOStreamServiceTests {
    typealias IO = Exchange<IOStreamFrame, IOStreamFrame>

    /// A stream opened through the directory and attached over gRPC.
    private func open(
        _ client: LinkClient, _ directory: AgentDirectory, _ tasks: Exchange<AgentTaskResult, AgentTask>
    ) async throws -> (any AgentStream, IO) {
        let link = try await directory.link(to: 1)
        async let stream = link.openTerminal()
        let task = try #require(try await tasks.received.next())
        #expect(task.type == 8)
        #expect(task.id != 0)
        let id = try StreamTask(json: task.data).streamID
        let io = try await client.openIO(.agent(1), first: StreamAttachFrame.encode(streamID: id))
        return (try await stream, io)
    }

    private func attachedAgent(
        _ client: LinkClient, _ directory: AgentDirectory
    ) async throws -> Exchange<AgentTaskResult, AgentTask> {
        let tasks = client.openTasks(.agent(1))
        try await eventually { directory.attachedCount == 1 }
        return tasks
    }

    @Test("Unbounded streams, frames: at most maxMessage bytes a message, above it the call alone is refused")
    func oversize() async throws {
        var configuration = AgentLinkConfiguration()
        configuration.maxMessage = 1000
        let directory = AgentDirectory(configuration: configuration)
        try await withLink(directory) { client, _ in
            let tasks = try await attachedAgent(client, directory)
            let (stream, io) = try await open(client, directory, tasks)
            try await io.send(IOStreamFrame([UInt8](repeating: 1, count: 1000)))
            #expect(try await stream.receive()?.count == 1000)
            try await io.send(IOStreamFrame([UInt8](repeating: 1, count: 1001)))
            #expect(try await io.status.value()?.code == .resourceExhausted)
            await #expect(throws: AgentCallError.self) { try await stream.receive() }
            await stream.close()

            let link = try await directory.link(to: 1)
            for size in [1000, 1001] {
                let call = Task { try await link.call(.exec, body: "", timeout: .seconds(20)) }
                let task = try #require(try await tasks.received.next())
                let text = String(repeating: "x", count: size)
                try await tasks.send(
                    AgentTaskResult(id: task.id, type: .exec, reply: .init(data: text, successful: true)))
                if size == 1000 {
                    #expect(try await call.value.data.count == 1000)
                } else {
                    await #expect(throws: AgentCallError.offline) { try await call.value }
                }
            }
            #expect(try await tasks.status.value()?.code == .resourceExhausted)
        }
    }

    @Test("NAT: a Go agent's last frame, the text of its read error, passes like every other before the end")
    func lastWords() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            let tasks = try await attachedAgent(client, directory)
            let link = try await directory.link(to: 1)
            async let opened = link.openStream(.nat, userID: 1, attachTimeout: .seconds(20)) {
                NATTask(streamID: $0, host: "127.0.0.1:80").jsonText()
            }
            let task = try #require(try await tasks.received.next())
            #expect(task.type == 9)
            let request = try NATTask(json: task.data)
            #expect(request.host == "127.0.0.1:80")
            let attach = StreamAttachFrame.encode(streamID: request.streamID)
            let io = try await client.openIO(.agent(1), first: attach)
            let stream = try await opened
            try await io.send(IOStreamFrame(Array("HTTP/1.1 204 No Content\r\n\r\n".utf8)))
            try await io.send(IOStreamFrame(Array("EOF".utf8)))
            io.halfClose()
            #expect(try await stream.receive() == Array("HTTP/1.1 204 No Content\r\n\r\n".utf8))
            #expect(try await stream.receive() == Array("EOF".utf8))
            #expect(try await stream.receive() == nil)
            #expect(try await io.status.value() == nil)
            await stream.close()
        }
    }

    @Test("frames go both ways, and the call ends well when the user closes")
    func userCloses() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            let tasks = try await attachedAgent(client, directory)
            let (stream, io) = try await open(client, directory, tasks)
            try await io.send(IOStreamFrame([]))
            try await io.send(IOStreamFrame([1, 2]))
            #expect(try await stream.receive() == [1, 2])
            try await stream.send([3])
            try await stream.send([4])
            await stream.close()
            #expect(try await io.received.next()?.frame == [3])
            #expect(try await io.received.next()?.frame == [4])
            #expect(try await io.status.value() == nil)
            #expect(directory.streamCount == 0)
        }
    }

    @Test("the call ends well as soon as the agent half-closes, and the user reads the rest")
    func agentEnds() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            let tasks = try await attachedAgent(client, directory)
            let (stream, io) = try await open(client, directory, tasks)
            try await io.send(IOStreamFrame([1]))
            io.halfClose()
            #expect(try await io.status.value() == nil)
            #expect(try await stream.receive() == [1])
            #expect(try await stream.receive() == nil)
            await stream.close()
            #expect(directory.streamCount == 0)
        }
    }

    @Test("keep-alives go to the agent")
    func keepalive() async throws {
        var configuration = AgentLinkConfiguration()
        configuration.streamKeepalive = .milliseconds(20)
        let directory = AgentDirectory(configuration: configuration)
        try await withLink(directory) { client, _ in
            let tasks = try await attachedAgent(client, directory)
            let (stream, io) = try await open(client, directory, tasks)
            for _ in 0..<3 { #expect(try await io.received.next()?.frame == []) }
            await stream.close()
        }
    }

    @Test(
        "frames before the magic, oversize and broken first frames are refused",
        arguments: [
            [], [1, 2, 3], [0xFF, 0x05, 0xFF, 0x05], [0xFF, 0x05, 0xFF, 0x05, 0xC3, 0x28],
            [0xFF, 0x05, 0xFF, 0x05] + [UInt8](repeating: 0x61, count: 100_000),
        ] as [[UInt8]])
    func brokenFirstFrame(frame: [UInt8]) async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            let io = try await client.openIO(.agent(1), first: frame)
            let status = try await io.status.value()
            #expect(status?.code == .invalidArgument)
            #expect(status?.message == "invalid stream id")
            #expect(directory.counters.snapshot.refusedAttachments == 1)
        }
    }

    @Test("an agent that never names its stream is refused after a while, and so is one that half-closes")
    func noFirstFrame() async throws {
        var configuration = AgentLinkConfiguration()
        configuration.firstFrameTimeout = .milliseconds(50)
        try await withLink(AgentDirectory(configuration: configuration)) { client, _ in
            let silent = try await client.openIO(.agent(1))
            #expect(try await silent.status.value()?.message == "invalid stream id")
            let ended = try await client.openIO(.agent(1))
            ended.halfClose()
            #expect(try await ended.status.value()?.message == "invalid stream id")
        }
    }

    @Test("stream id used as a credential: another agent, a second attach, an invented and a closed id are refused")
    func credential() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, _ in
            func attach(_ id: String, as server: Int) async throws -> GRPCStatus? {
                let io = try await client.openIO(.agent(server), first: StreamAttachFrame.encode(streamID: id))
                return try await io.status.value()
            }
            let tasks = try await attachedAgent(client, directory)
            let (stream, _) = try await open(client, directory, tasks)
            let foreign = try await attach(stream.id, as: 2)
            let invented = try await attach("00000000-0000-0000-0000-000000000000", as: 2)
            #expect(foreign?.code == .permissionDenied)
            #expect(foreign?.message == "stream not authorized for agent")
            // No oracle: a stream of another server answers like none.
            #expect(foreign == invented)
            let second = try await attach(stream.id, as: 1)
            #expect(second?.code == .alreadyExists)
            #expect(second?.message == "agent stream already connected")
            await stream.close()
            #expect(try await attach(stream.id, as: 1)?.code == .permissionDenied)
        }
    }

    @Test("a call that is lost breaks the stream and frees its slot")
    func lost() async throws {
        let directory = AgentDirectory()
        try await withLink(directory) { client, server in
            let tasks = try await attachedAgent(client, directory)
            let (stream, _) = try await open(client, directory, tasks)
            await server.loseConnection()
            await #expect(throws: AgentCallError.brokenStream("the agent's stream was lost")) {
                try await stream.receive()
            }
            #expect(directory.streamCount == 1)
            await stream.close()
            #expect(directory.streamCount == 0)
        }
    }

    @Test("a stream that its user closed ends although the agent does not read")
    func linger() async throws {
        var configuration = AgentLinkConfiguration()
        configuration.linger = .milliseconds(50)
        let directory = AgentDirectory(configuration: configuration)
        let agent = try FakeAgent(directory)
        let link = try await directory.link(to: 1)
        async let opening = link.openTerminal()
        let attached = try await agent.attachNext()
        let stream = try await opening
        try await stream.send([1])
        await stream.close()
        attached.session.handle(.lingerDeadline)
        #expect(attached.session.state == .closed)
        await #expect(throws: AgentCallError.self) { try await attached.session.outbound.next() }
    }
}
