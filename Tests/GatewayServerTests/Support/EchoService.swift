import GRPCCore
import GRPCNIOTransportHTTP2

/// Sends back every message, with the peer's address before it.
struct EchoService: RegistrableRPCService {
    static let method = MethodDescriptor(fullyQualifiedService: "test.Echo", method: "Talk")

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.registerHandler(
            forMethod: Self.method, deserializer: BytesCoder(), serializer: BytesCoder()
        ) { request, context in
            StreamingServerResponse { writer in
                for try await message in request.messages {
                    // Long ones are only counted: a client takes 4 MiB by default.
                    let answer = message.count > 1000 ? Array("\(message.count) bytes".utf8) : message
                    try await writer.write(Array("\(context.remotePeer) ".utf8) + answer)
                }
                return [:]
            }
        }
    }
}

struct BytesCoder: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
        bytes.withUnsafeBytes { Array($0) }
    }
}

/// A gRPC client for the time of a closure.
func withEchoClient<Result: Sendable>(
    port: Int, tls: Bool = false,
    _ body: @escaping @Sendable (GRPCClient<HTTP2ClientTransport.Posix>) async throws -> Result
) async throws -> Result {
    let security: HTTP2ClientTransport.Posix.TransportSecurity =
        tls
        ? .tls {
            $0.serverCertificateVerification = .noVerification
        } : .plaintext
    let transport = try HTTP2ClientTransport.Posix(
        target: .ipv4(address: "127.0.0.1", port: port), transportSecurity: security)
    return try await withGRPCClient(transport: transport) { try await body($0) }
}

extension GRPCClient {
    /// Sends the messages one by one, each after the answer to the one before.
    func echo(_ messages: [String]) async throws -> [String] {
        let (answers, told) = AsyncStream<Void>.makeStream()
        told.yield()
        let request = StreamingClientRequest<[UInt8]>(producer: { writer in
            var turns = answers.makeAsyncIterator()
            for message in messages {
                _ = await turns.next()
                try await writer.write(Array(message.utf8))
            }
        })
        return try await bidirectionalStreaming(
            request: request, descriptor: EchoService.method, serializer: BytesCoder(), deserializer: BytesCoder(),
            options: .defaults
        ) { response in
            var heard: [String] = []
            for try await message in response.messages {
                heard.append(String(decoding: message, as: UTF8.self))
                told.yield()
            }
            return heard
        }
    }
}
