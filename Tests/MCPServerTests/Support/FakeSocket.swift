import HTTP
import Synchronization

@testable import AgentLink
@testable import MCPServer

/// A client with a WebSocket, in memory.
final class FakeSocket: WebSocketConnection {
    struct Broken: Error {}

    private let toGateway: AsyncThrowingStream<WebSocketMessage, any Error>
    private let client: AsyncThrowingStream<WebSocketMessage, any Error>.Continuation
    private let toClient: AsyncStream<WebSocketMessage>
    private let gateway: AsyncStream<WebSocketMessage>.Continuation
    private let state = Mutex<[ToolSocket.Terms]>([])
    private let sentCount = Mutex(0)

    init() {
        (toGateway, client) = AsyncThrowingStream.makeStream()
        (toClient, gateway) = AsyncStream.makeStream()
    }

    /// What a call gets with the request.
    var offer: ToolSocket {
        ToolSocket { terms in
            self.state.withLock { $0.append(terms) }
            return self
        }
    }

    /// One element for each time that the socket was accepted.
    var accepted: [ToolSocket.Terms] { state.withLock { $0 } }

    /// Messages of the gateway so far.
    var heardCount: Int { sentCount.withLock { $0 } }

    func receive() async throws -> WebSocketMessage? {
        for try await message in toGateway { return message }
        try Task.checkCancellation()
        return nil
    }

    func send(_ message: WebSocketMessage) async throws {
        try Task.checkCancellation()
        sentCount.withLock { $0 += 1 }
        gateway.yield(message)
    }

    // The client's side.

    func say(_ bytes: [UInt8]) { client.yield(.binary(bytes)) }
    func say(text: String) { client.yield(.text(text)) }
    func close() { client.finish() }
    func breakOff() { client.finish(throwing: Broken()) }

    func hear() async -> WebSocketMessage? {
        for await message in toClient { return message }
        return nil
    }
}

/// An agent that takes streams, in memory.
struct StreamAgent: Sendable {
    let directory: AgentDirectory
    let session: AgentSession
    let tasks: TaskStream

    init(_ directory: AgentDirectory, server: Int64) throws {
        self.directory = directory
        session = try directory.session(of: server)
        tasks = try session.openTaskStream([])
    }

    /// Takes the next announcement and attaches to its stream.
    func attachNext(_ type: AgentTaskType = .terminal) async throws -> IOStreamSession {
        guard let task = try await tasks.outbox.next(), task.type == type.rawValue else { throw FakeSocket.Broken() }
        let id = try StreamTask(json: task.data).streamID
        return try directory.attach(streamID: id, server: session.serverID, end: Promise())
    }
}
