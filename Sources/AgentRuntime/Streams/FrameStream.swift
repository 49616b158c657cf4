/// One IOStream, seen by the code that serves it (`agent-link.md` 3). Keep-alive frames never show here.
protocol FrameStream: Sendable {
    /// The next frame; `nil` when the gateway has ended its side or the whole stream.
    func receive() async throws -> [UInt8]?
    /// Waits while the other side does not take what was sent.
    /// - Throws: When the stream has gone.
    func send(_ frame: [UInt8]) async throws
    /// Half close: nothing more is sent, but frames are still received.
    func finish()
}

/// Opens the streams that tasks ask for.
protocol StreamOpening: Sendable {
    /// Opens the stream `id`, runs `body` over it and then ends it in good order.
    /// - Parameter limit: for all of it; `nil`: as long as it takes.
    func open(
        _ id: String, limit: Duration?, _ body: @escaping @Sendable (any FrameStream) async throws -> Void
    ) async throws
}
