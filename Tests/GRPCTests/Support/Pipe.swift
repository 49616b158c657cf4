import GRPC
import HTTP
import TestSupport
import Transport

/// A client and a server of gRPC, joined in memory on a loop of their own.
struct Pipe: Sendable {
    let client: GRPCClient
    let loop: EventLoop
    let ends: LoopBound<Ends>

    struct Ends {
        let clientTransport: PipeTransport
        let serverTransport: PipeTransport
        let server: HTTP2Connection
    }

    /// - Parameter pieceSize: how many bytes arrive at once.
    static func with<Success: Sendable>(
        _ services: [any GRPCService], limits: GRPCServerLimits = GRPCServerLimits(),
        options: GRPCClient.Options = GRPCClient.Options(userAgent: "tests/1"), pieceSize: Int = 16 << 10,
        _ body: (Pipe) async throws -> Success
    ) async throws -> Success {
        try await with(router: GRPCRouter(services, limits: limits), options: options, pieceSize: pieceSize, body)
    }

    static func with<Success: Sendable>(
        router: any HTTP2StreamRouter, options: GRPCClient.Options = GRPCClient.Options(userAgent: "tests/1"),
        pieceSize: Int = 16 << 10, _ body: (Pipe) async throws -> Success
    ) async throws -> Success {
        let loop = EventLoop()
        loop.start()
        let pipe = await loop.run { loop in Pipe(router, options, pieceSize: pieceSize, on: loop) }
        let result: Result<Success, any Error>
        do { result = .success(try await body(pipe)) } catch { result = .failure(error) }
        await loop.run { loop in
            pipe.ends.get(on: loop).clientTransport.close(on: loop)
            pipe.ends.get(on: loop).serverTransport.close(on: loop)
        }
        await loop.stop()
        return try result.get()
    }

    private init(
        _ router: any HTTP2StreamRouter, _ options: GRPCClient.Options, pieceSize: Int, on loop: isolated EventLoop
    ) {
        let (near, far) = PipeTransport.pair(pieceSize: pieceSize)
        let configuration = HTTP2ServerConfiguration(entry: { _ in .empty(.notFound) }, router: router)
        let server = HTTP2Connection(over: far, configuration, peer: "192.0.2.7", isSecure: false, on: loop)
        far.attach(server, on: loop)
        let (client, speaker) = GRPCClient.over(near, authority: "server:1", options: options, on: loop)
        near.attach(speaker, on: loop)
        self.client = client
        self.loop = loop
        ends = LoopBound(Ends(clientTransport: near, serverTransport: far, server: server), on: loop)
    }
}
