/// The answer that ends HTTP on a connection, whose bytes go on as they are: a protocol that somebody behind us speaks,
/// such as a WebSocket through a tunnel (``ResponseBody/switched(_:)``).
package struct ProtocolSwitch: Sendable {
    /// What happens on the connection after the head of the 101; when it returns, the connection is closed behind what
    /// was sent. When the client goes away or the gateway stops, its task is cancelled. Called exactly once, also when
    /// the client left before (everything fails then), so it can release what it holds.
    package var run: @Sendable (any SwitchedConnection) async -> Void

    package init(run: @escaping @Sendable (any SwitchedConnection) async -> Void) { self.run = run }

    /// Calls `run` without a client, cancelled.
    func runWithoutClient() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await run(LostConnection()) }
            group.cancelAll()
        }
    }
}

/// A connection on which another protocol is spoken than HTTP. One task may receive while another one sends; while nobody
/// receives, the client is held back.
package protocol SwitchedConnection: Sendable {
    /// The next bytes, as they came; `nil` once the client has ended its side.
    /// - Throws: when the connection is closed.
    func receive() async throws -> [UInt8]?

    /// Sends bytes, once the client has taken most of the ones before.
    /// - Throws: when the connection is closed.
    func send(_ bytes: [UInt8]) async throws
}

/// That of a client who has gone.
private struct LostConnection: SwitchedConnection {
    func receive() async throws -> [UInt8]? { throw RequestBody.Failure.broken }
    func send(_ bytes: [UInt8]) async throws { throw RequestBody.Failure.broken }
}
