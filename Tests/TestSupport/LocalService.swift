package import Transport

/// A TCP service of this machine, for the time of a test.
package enum LocalService {
    package typealias Serve = @Sendable (ByteStream) async throws -> Void

    /// - Parameters:
    ///   - serve: called for each connection. When it returns, the connection is closed after the last byte was taken;
    ///     when it throws, at once.
    ///   - tls: `nil` for cleartext.
    ///   - body: given the port, on 127.0.0.1.
    package static func with<Success: Sendable>(
        _ serve: @escaping Serve, tls: TLSContext? = nil, _ body: (_ port: Int) async throws -> Success
    ) async throws -> Success {
        let group = EventLoopGroup(count: 1)
        let (streams, come) = AsyncStream<ByteStream>.makeStream()
        let listener = try await Listener.listen(
            host: "127.0.0.1", port: 0, tls: tls, group: group, logger: quiet
        ) { transport, _, loop in
            let (speaker, stream) = ByteStream.make(over: transport, on: loop)
            come.yield(stream)
            return speaker
        }
        let serving = Task {
            await withDiscardingTaskGroup { tasks in
                for await stream in streams { tasks.addTask { await run(serve, on: stream) } }
            }
        }
        let result: Result<Success, any Error>
        do { result = .success(try await body(listener.port)) } catch { result = .failure(error) }
        serving.cancel()
        await listener.stop()
        await group.stop()
        return try result.get()
    }

    private static func run(_ serve: Serve, on stream: ByteStream) async {
        do {
            try await serve(stream)
            await stream.finishSending()
            // Closing drops what is still to be sent, so the peer's end is waited for.
            while try await stream.receive() != nil {}
        } catch {
            // Closed at once, below.
        }
        await stream.close()
    }
}
