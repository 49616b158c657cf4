import GRPC
import HTTP
import TestSupport
import Transport

/// Sends back every message, with the peer's address before it.
struct EchoService: GRPCService {
    static let path = "/test.Echo/Talk"

    /// What clients show as their credential.
    static let secret: HTTPFields = [.secret: "shown"]

    func handler(for call: GRPCServerCall, on loop: isolated EventLoop) -> (any GRPCServerHandler)? {
        guard call.path.utf8.elementsEqual("/test.Echo/Talk".utf8) else { return nil }
        if call.metadata[.secret] == "shown" { call.credentialShown(of: .agent(1), on: loop) }
        return Echo()
    }

    private final class Echo: GRPCServerHandler {
        func received(_ message: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop) {
            // Long ones are only counted.
            let answer = message.count > 1000 ? Array("\(message.count) bytes".utf8) : message
            call.send(Array("\(call.peer ?? "-") ".utf8) + answer, on: loop)
        }

        func receivedEnd(in call: GRPCServerCall, on loop: isolated EventLoop) { call.finish(.ok, on: loop) }

        func closed(_ call: GRPCServerCall, on loop: isolated EventLoop) {}
    }
}

extension HTTPField.Name {
    static let secret = Self(token: "secret")
    static let grpcTimeout = Self(token: "grpc-timeout")
}

/// A gRPC client for the time of a closure.
func withEchoClient<Result: Sendable>(
    port: Int, tls: TLSContext? = nil, _ body: (GRPCClient) async throws -> Result
) async throws -> Result {
    let group = EventLoopGroup(count: 1)
    let result: Swift.Result<Result, any Error>
    do {
        let client = try await GRPCClient.connect(
            host: "127.0.0.1", port: UInt16(port), tls: tls, options: GRPCClient.Options(userAgent: "tests/1"),
            on: group.next())
        do { result = .success(try await body(client)) } catch { result = .failure(error) }
        await client.close()
    } catch { result = .failure(error) }
    await group.stop()
    return try result.get()
}

extension GRPCClient {
    /// Sends the messages one by one, each after the answer to the one before.
    func echo(_ messages: [String], metadata: HTTPFields = EchoService.secret) async throws -> [String] {
        try await withStream(EchoService.path, metadata: metadata) { stream in
            var heard: [String] = []
            for message in messages {
                do throws(GRPCStatus) { try await stream.send(Array(message.utf8)) } catch {
                    // The call has ended; `next` says how.
                }
                guard let answer = try await stream.next() else { return heard }
                heard.append(String(decoding: answer, as: UTF8.self))
            }
            await stream.finish()
            while let answer = try await stream.next() { heard.append(String(decoding: answer, as: UTF8.self)) }
            return heard
        }
    }
}
