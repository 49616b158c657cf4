import AgentLink
import HTTP
import Synchronization
import TestSupport
import Testing

@testable import GatewayServer

@Suite("Agents of grpc-go, which PING for what they receive", .timeLimit(.minutes(5)))
struct BusyAgentTests {
    private static let size = 16 << 20

    /// An agent that has shown its secret, and a tunnel through it on stream 3.
    private static func withTunnel(
        _ body: @escaping @Sendable (GoAgent, any AgentStream) async throws -> Void
    ) async throws {
        let attachments = LinkedAgent.Attachments()
        let directory = AgentDirectory(events: attachments)
        let service = AgentLinkService(directory: directory, authority: OneServer())
        try await RunningGateway.with(services: [service], onShutdown: { directory.shutdown() }) { gateway in
            try await RawConnection.with(port: gateway.port) { connection in
                let agent = try await GoAgent(connection)
                try await agent.open(1, "RequestTask")
                #expect(await eventually { directory.attachedCount == 1 })
                let link = try await directory.link(to: 1)
                let id = Mutex("")
                async let opening = link.openStream(.nat, userID: 1, attachTimeout: .seconds(20)) { stream in
                    id.withLock { $0 = stream }
                    return NATTask(streamID: stream, host: "127.0.0.1:1").jsonText()
                }
                var task = try AgentTask(protobuf: try await agent.receive(on: 1))
                while task.type != AgentTaskType.nat.rawValue {
                    task = try AgentTask(protobuf: try await agent.receive(on: 1))
                }
                try await agent.open(3, "IOStream")
                let attach = StreamAttachFrame.encode(streamID: id.withLock { $0 })
                try await agent.send(IOStreamFrame(attach).protobuf(), on: 3)
                let stream = try await opening
                try await body(agent, stream)
                await stream.close()
                #expect(attachments.count == 1)
                #expect(directory.attachedCount == 1)
            }
        }
    }

    /// Recognizable at every place.
    private static func piece(_ start: Int, _ count: Int) -> [UInt8] {
        let word = UInt8(truncatingIfNeeded: start / 9973)
        return [UInt8](repeating: word, count: count)
    }

    private static func receive(_ stream: any AgentStream, _ size: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < size, let frame = try await stream.receive() { all += frame }
        return all
    }

    @Test("16 MiB pass in each direction")
    func transfers() async throws {
        try await Self.withTunnel { agent, stream in
            let pieces = stride(from: 0, to: Self.size, by: 1 << 15).map { Self.piece($0, 1 << 15) }
            let whole = pieces.flatMap { $0 }
            async let sending: Void = { for piece in pieces { try await stream.send(piece) } }()
            var heard: [UInt8] = []
            while heard.count < Self.size {
                heard += try IOStreamFrame(protobuf: try await agent.receive(on: 3)).frame
            }
            try await sending
            #expect(heard == whole)
            #expect(agent.pings > 5)
            #expect(agent.settings > 0)

            async let receiving = Self.receive(stream, Self.size)
            for piece in pieces { try await agent.send(IOStreamFrame(piece).protobuf(), on: 3) }
            let received = try await receiving
            #expect(received == whole)
        }
    }

    @Test("sixty seconds of typing, each key followed by a PING, pass in a moment")
    func typing() async throws {
        try await Self.withTunnel { agent, stream in
            for number in 0..<1800 {
                let key = [UInt8(truncatingIfNeeded: number)]
                try await stream.send(key)
                var frame: [UInt8] = []
                // An empty one keeps the stream alive.
                while frame.isEmpty { frame = try IOStreamFrame(protobuf: try await agent.receive(on: 3)).frame }
                #expect(frame == key)
                try await agent.ping()
                try await agent.send(IOStreamFrame(key).protobuf(), on: 3)
                #expect(try await stream.receive() == key)
            }
        }
    }

    @Test("PINGs and SETTINGS at the rate of a fast link are all taken")
    func burst() async throws {
        try await Self.withTunnel { agent, stream in
            for _ in 0..<10 {
                try await agent.ping(200)
                for window in 1...25 { try await agent.announce([(4, UInt32(65_535 + window))]) }
            }
            try await agent.send(IOStreamFrame([1]).protobuf(), on: 3)
            #expect(try await stream.receive() == [1])
        }
    }

    @Test("before a secret was seen they end the connection", arguments: [HTTP2Wire.Kind.ping, .settings])
    func stranger(kind: HTTP2Wire.Kind) async throws {
        try await RunningGateway.with(services: [EchoService()]) { gateway in
            try await RawConnection.with(port: gateway.port) { connection in
                let payload = [UInt8](repeating: 0, count: kind == .ping ? 8 : 0)
                try await connection.send(HTTP2Wire.preface)
                try await connection.send((0..<1000).flatMap { _ in HTTP2Wire.frame(kind, 0, 0, payload) })
                var heard: [UInt8] = []
                while let more = try? await connection.next() { heard += more }
                let end = HTTP2Wire.parse(heard).first { $0.is(.goAway) }
                #expect(end?.code == .enhanceYourCalm)
            }
            // A few are nobody's fault, and others are not touched.
            let answers = try await withEchoClient(port: gateway.port) { try await $0.echo(["one"], metadata: [:]) }
            #expect(answers == ["127.0.0.1 one"])
        }
    }
}
