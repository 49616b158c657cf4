#if canImport(GRPCInProcessTransport)
    import Foundation
    import GRPCCore
    import GRPCInProcessTransport
    import SwiftProtobuf

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

    typealias LinkClient = Proto_NezhaService.Client<InProcessTransport.Client>

    /// A server with the service and a client of it, over the in-process transport.
    func withLink(
        _ directory: AgentDirectory = AgentDirectory(), authority: some AgentAuthority = SecretAuthority(),
        _ body: @Sendable (LinkClient, GRPCServer<InProcessTransport.Server>) async throws -> Void
    ) async throws {
        let transport = InProcessTransport()
        let service = AgentLinkService(
            directory: directory, authority: authority, countries: NorthernCountries(),
            startedAt: .init(timeIntervalSince1970: 1_700_000_000))
        try await withGRPCServer(transport: transport.server, services: [service]) { server in
            try await withGRPCClient(transport: transport.client) { client in
                // The client waits for its open streams, so these end with the body, however that ends.
                defer { directory.shutdown() }
                try await body(LinkClient(wrapping: client), server)
            }
        }
    }

    extension Metadata {
        static func agent(_ server: Int, _ more: [(String, String)] = []) -> Metadata {
            var metadata: Metadata = [
                "client-secret": "s\(server)", "client-uuid": "00000000-0000-0000-0000-000000000000",
            ]
            for (key, value) in more { metadata.addString(value, forKey: key) }
            return metadata
        }
    }

    /// The client's end of one bidirectional call.
    final class Exchange<Sent: Message, Received: Message>: Sendable {
        let received = BoundedMailbox<Received>(maxCount: 1000, maxCost: .max)
        let metadata = OneShot<Metadata>()
        /// The error of the call, `nil` when it ended well.
        let status = OneShot<RPCError?>()
        private let sent = BoundedMailbox<Sent>(maxCount: 1000, maxCost: .max)

        func send(_ message: Sent) async throws {
            try await sent.send(message)
        }

        func halfClose() {
            sent.finish()
        }

        func request(_ metadata: Metadata) -> StreamingClientRequest<Sent> {
            StreamingClientRequest(metadata: metadata) { writer in
                while let message = try await self.sent.next() { try await writer.write(message) }
            }
        }

        func handle(_ response: StreamingClientResponse<Received>) async throws {
            metadata.resolve(.success(response.metadata))
            for try await message in response.messages { try await received.send(message) }
        }

        /// Runs the call to its end, which ``status`` tells.
        func run(_ call: @escaping @Sendable (Exchange) async throws -> Void) -> Self {
            Task {
                do {
                    try await call(self)
                    status.resolve(.success(nil))
                } catch let error as RPCError {
                    status.resolve(.success(error))
                } catch {
                    status.resolve(.failure(error))
                }
                received.finish()
            }
            return self
        }
    }

    extension LinkClient {
        func openTasks(_ metadata: Metadata) -> Exchange<Proto_TaskResult, Proto_Task> {
            Exchange().run { exchange in
                try await requestTask(request: exchange.request(metadata)) { try await exchange.handle($0) }
            }
        }

        func openStates(_ metadata: Metadata) -> Exchange<Proto_State, Proto_Receipt> {
            Exchange().run { exchange in
                try await reportSystemState(request: exchange.request(metadata)) { try await exchange.handle($0) }
            }
        }

        func openIO(_ metadata: Metadata, first frame: [UInt8]? = nil) async throws
            -> Exchange<Proto_IOStreamData, Proto_IOStreamData>
        {
            let exchange = Exchange<Proto_IOStreamData, Proto_IOStreamData>().run { exchange in
                try await ioStream(request: exchange.request(metadata)) { try await exchange.handle($0) }
            }
            if let frame { try await exchange.send(Proto_IOStreamData(frame)) }
            return exchange
        }
    }
#endif
