import AgentLink
import HTTP

/// The arguments of both attach tools.
package struct StreamSessionInput: Decodable, Sendable {
    package var sessionID: String

    private enum CodingKeys: String, CodingKey {
        case sessionID = "session_id"
    }
}

/// What `terminal.attach` and `file_manager.attach` have in common: the caller takes a stream of their own, and
/// its WebSocket and the agent are joined until either ends.
struct StreamAttachment: Sendable {
    /// A safety net: the stream's own total limit comes first and says so.
    static let deadline = Duration.seconds(25 * 3600)
    static let pingInterval = Duration.seconds(10)

    let purpose: AgentStreamPurpose
    let network: any AgentNetwork
    /// Bytes of one message of the client.
    let maxMessageSize: Int
    /// What goes to the agent for a message of the client.
    let frames: @Sendable (WebSocketMessage) -> [[UInt8]]

    /// Returns when the client has closed or the agent has ended the stream.
    func run(_ input: StreamSessionInput, in call: ToolCall) async throws {
        guard let credential = AgentStreamCredential(call.principal) else { throw ToolFailure.unauthenticated }
        let claim = AgentStreamClaim(
            purpose: purpose, credential: credential, isAdministrator: call.principal.isAdministrator)
        // Looked up before it is taken: whoever has no right to the server must not use the stream up.
        guard let server = await network.server(ofStream: input.sessionID, for: claim) else {
            throw ToolFailure.permissionDenied
        }
        try await call.target(server: server)
        guard let socket = call.socket else { throw ToolSocket.missing }
        let stream = try await network.attachStream(input.sessionID, for: claim)
        do {
            let terms = ToolSocket.Terms(maxMessageSize: maxMessageSize, pingInterval: Self.pingInterval)
            try await relay(try await socket.accept(terms), stream)
        } catch {
            await stream.close()
            throw error
        }
        await stream.close()
    }

    /// Each direction holds its sender back; the first to end ends the other.
    private func relay(_ connection: any WebSocketConnection, _ stream: any AgentStream) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                while let frame = try await stream.receive() { try await Self.send(frame, to: connection) }
            }
            group.addTask { try await receive(from: connection, into: stream) }
            try await group.next()
        }
    }

    /// After the agent's end the client may go on sending for a while; its words are dropped, and why the stream ended
    /// is told by the other direction.
    private func receive(from connection: any WebSocketConnection, into stream: any AgentStream) async throws {
        var hasAgent = true
        while let message = try await Self.message(of: connection) {
            do {
                for frame in frames(message) where hasAgent { try await stream.send(frame) }
            } catch is AgentCallError {
                hasAgent = false
            }
        }
    }

    /// - Throws: ``ToolFailure/cancelled(_:)`` with cause `clientGone` when the connection broke.
    private static func message(of connection: any WebSocketConnection) async throws -> WebSocketMessage? {
        do {
            return try await connection.receive()
        } catch {
            // Whoever stopped the call knows why; the connection does not.
            try Task.checkCancellation()
            throw ToolFailure.cancelled(.clientGone)
        }
    }

    private static func send(_ frame: [UInt8], to connection: any WebSocketConnection) async throws {
        do {
            try await connection.send(.binary(frame))
        } catch {
            // Whoever stopped the call knows why; the connection does not.
            try Task.checkCancellation()
            throw ToolFailure.cancelled(.clientGone)
        }
    }
}
