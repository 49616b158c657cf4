package import HTTP

/// The WebSocket that waits for a tool's word: the call is the life of the socket.
///
/// A tool that fails before it has accepted is answered like every other call; afterwards its outcome becomes the close
/// frame. So sockets are authorised, limited, ended and audited as calls, and in no other way.
package struct ToolSocket: Sendable {
    /// What the tool demands of the socket.
    package struct Terms: Sendable, Hashable {
        /// A longer message of the client closes the socket with 1009. Bytes.
        package var maxMessageSize: Int
        package var pingInterval: Duration

        package init(maxMessageSize: Int, pingInterval: Duration) {
            self.maxMessageSize = maxMessageSize
            self.pingInterval = pingInterval
        }
    }

    /// What a tool throws that could go on only with a socket, after all that it checks: the request was no upgrade.
    package static let missing = ToolFailure.rejected(missingText)
    private static let missingText: Message = "a stream is attached over a WebSocket only"

    /// Whether a call failed for nothing but that.
    package static func isMissing(_ failure: ToolFailure) -> Bool {
        guard case .rejected(let text) = failure else { return false }
        return text == missingText
    }

    private let open: @Sendable (Terms) async throws -> any WebSocketConnection

    /// - Parameter open: answers the upgrade; throws `CancellationError` when the client has gone.
    package init(_ open: @escaping @Sendable (Terms) async throws -> any WebSocketConnection) {
        self.open = open
    }

    /// Accepts the socket. At most once in a call.
    package func accept(_ terms: Terms) async throws -> any WebSocketConnection { try await open(terms) }
}
