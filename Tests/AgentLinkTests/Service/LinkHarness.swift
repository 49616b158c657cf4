import FoundationEssentials
import GRPC
import HTTP
import TestSupport
import Transport

@testable import AgentLink

/// Admits secret `s<N>` as server N and writes down what it was asked.
struct SecretAuthority: AgentAuthority {
    var refusal: AgentRefusal?

    func admit(secret: String, uuid: String, peer: AgentPeer) async throws(AgentRefusal) -> AgentIdentity {
        if let refusal { throw refusal }
        guard secret.hasPrefix("s"), let id = Int64(secret.dropFirst()) else {
            throw .unauthenticated("unknown secret")
        }
        guard peer.metadata["client-secret"] == nil, peer.metadata["client_secret"] == nil else {
            throw .unauthenticated("the secret is among the headers")
        }
        return AgentIdentity(serverID: id, realIP: peer.metadata["x-real-ip"])
    }
}

struct NorthernCountries: CountryLookup {
    func country(of address: String) -> String? {
        address == "192.0.2.1" ? "IS" : address == "2001:db8::1" ? "NO" : nil
    }
}

/// A server with the service and a client of it, over one connection in memory.
func withLink(
    _ directory: AgentDirectory = AgentDirectory(), authority: some AgentAuthority = SecretAuthority(),
    _ body: (LinkClient, LinkServer) async throws -> Void
) async throws {
    let service = AgentLinkService(
        directory: directory, authority: authority, countries: NorthernCountries(),
        startedAt: .init(timeIntervalSince1970: 1_700_000_000))
    let loop = EventLoop()
    loop.start()
    let (client, server) = await loop.run { loop in LinkServer.connect(to: service, on: loop) }
    let outcome: Result<Void, any Error>
    do {
        outcome = .success(try await body(LinkClient(client: client), server))
    } catch {
        outcome = .failure(error)
    }
    directory.shutdown()
    await client.close()
    await loop.stop()
    try outcome.get()
}

/// The server's end of the connection.
struct LinkServer: Sendable {
    private let connection: LoopBound<HTTP2Connection>

    static func connect(to service: AgentLinkService, on loop: isolated EventLoop) -> (GRPCClient, LinkServer) {
        let (near, far) = PipeTransport.pair()
        let configuration = HTTP2ServerConfiguration(
            entry: { _ in OutboundResponse(head: HTTPResponse(status: .notFound)) }, router: GRPCRouter([service]))
        let connection = HTTP2Connection(over: far, configuration, peer: "192.0.2.77", isSecure: false, on: loop)
        far.attach(connection, on: loop)
        let (client, speaker) = GRPCClient.over(
            near, authority: "gateway:80", options: .init(userAgent: "test"), on: loop)
        near.attach(speaker, on: loop)
        return (client, LinkServer(connection: LoopBound(connection, on: loop)))
    }

    func loseConnection() async {
        await connection.loop.run { [connection] loop in connection.get(on: loop).close(on: loop) }
    }
}

extension HTTPFields {
    static func agent(_ server: Int, _ more: [(String, String)] = []) -> HTTPFields {
        let fields = [
            ("client-secret", "s\(server)"), ("client-uuid", "00000000-0000-0000-0000-000000000000"),
        ]
        return HTTPFields((fields + more).map { HTTPField(name: .init(token: $0), value: $1) })
    }
}

/// An agent as far as its calls go.
struct LinkClient: Sendable {
    let client: GRPCClient

    func call<Answer: ProtobufMessage>(
        _ method: NezhaMethod, _ message: some ProtobufMessage, _ metadata: HTTPFields
    ) async throws -> Answer {
        let answer = try await client.unary(
            method.path, message.protobuf(), metadata: metadata, timeout: .seconds(10))
        return try Answer(protobuf: answer)
    }

    func openTasks(_ metadata: HTTPFields) -> Exchange<AgentTaskResult, AgentTask> {
        Exchange().run(client, .requestTask, metadata)
    }

    func openStates(_ metadata: HTTPFields) -> Exchange<HostState, Receipt> {
        Exchange().run(client, .reportSystemState, metadata)
    }

    func openIO(
        _ metadata: HTTPFields, first frame: [UInt8]? = nil
    ) async throws -> Exchange<IOStreamFrame, IOStreamFrame> {
        let exchange = Exchange<IOStreamFrame, IOStreamFrame>().run(client, .ioStream, metadata)
        if let frame { try await exchange.send(IOStreamFrame(frame)) }
        return exchange
    }
}

/// The client's end of one bidirectional call.
final class Exchange<Sent: ProtobufMessage, Received: ProtobufMessage>: Sendable {
    let received = BoundedMailbox<Received>(maxCount: 1000, maxCost: .max)
    let metadata = Promise<HTTPFields>()
    /// The error of the call, `nil` when it ended well.
    let status = Promise<GRPCStatus?>()
    private let sent = BoundedMailbox<[UInt8]>(maxCount: 1000, maxCost: .max)

    func send(_ message: Sent) async throws {
        try await sent.send(message.protobuf())
    }

    /// Sends what is no message of the contract.
    func send(raw message: [UInt8]) async throws {
        try await sent.send(message)
    }

    func halfClose() {
        sent.finish()
    }

    /// Runs the call to its end, which ``status`` tells.
    func run(_ client: GRPCClient, _ method: NezhaMethod, _ fields: HTTPFields) -> Self {
        Task {
            do {
                try await client.withStream(method.path, metadata: fields) { stream in
                    let writing = Task { try await self.write(to: stream) }
                    defer { writing.cancel() }
                    try await self.read(stream)
                }
                status.resolve(.success(nil))
            } catch let error as GRPCStatus {
                status.resolve(.success(error))
            } catch {
                status.resolve(.failure(error))
            }
            metadata.resolve(.failure(MailboxFinished()))
            received.finish()
        }
        return self
    }

    private func write(to stream: GRPCClientStream) async throws {
        while let message = try await sent.next() { try await stream.send(message) }
        await stream.finish()
    }

    private func read(_ stream: GRPCClientStream) async throws {
        metadata.resolve(.success(try await stream.initialMetadata()))
        while let message = try await stream.next() { try await received.send(try Received(protobuf: message)) }
    }
}
