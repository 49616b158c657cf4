import AgentLink
import GRPC
import HTTP
import Transport

/// The gRPC calls of an agent, with its credentials on each of them (`agent-link.md` 1).
struct AgentLinkClient: Sendable {
    /// What is accepted of one message; a dashboard may send more than gRPC's default of 4 MiB. Bytes.
    static let maxMessage = 16 << 20
    static let unaryLimit = Duration.seconds(10)
    /// Of connecting, until the gateway has spoken.
    static let connectLimit = Duration.seconds(10)

    private let client: GRPCClient
    private let metadata: HTTPFields

    init(_ client: GRPCClient, _ configuration: AgentConfiguration) {
        self.client = client
        metadata = Self.credentials(of: configuration)
    }

    /// Both spellings: proxies drop names with an underscore, old dashboards know no other.
    private static func credentials(of configuration: AgentConfiguration) -> HTTPFields {
        var fields = HTTPFields()
        for (name, value) in [
            ("client-secret", configuration.clientSecret), ("client-uuid", configuration.uuid),
            ("client_secret", configuration.clientSecret), ("client_uuid", configuration.uuid),
        ] {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        return fields
    }

    /// Connects: HTTP/2 by prior knowledge, or TLS with ALPN `h2`.
    /// - Throws: ``ConfigurationError``; `GRPCStatus` when there is no connection to be had.
    static func connect(_ configuration: AgentConfiguration) async throws -> AgentLinkClient {
        guard let address = ServerAddress(configuration.server), let port = UInt16(exactly: address.port) else {
            throw ConfigurationError.invalid(key: "server", value: configuration.server, expected: "host:port")
        }
        var options = GRPCClient.Options(userAgent: "nezha-agent/\(AgentVersion.current)")
        options.maximumMessage = maxMessage
        options.connectTimeout = connectLimit
        let tls =
            configuration.tls
            ? try GRPCClient.tls(trust: configuration.insecureTLS ? .everybody : .system) : nil
        let client = try await GRPCClient.connect(
            host: address.host, port: port, tls: tls, options: options, on: .shared)
        return AgentLinkClient(client, configuration)
    }

    /// Ends the connection, and with it what is still open.
    func close() async {
        await client.close()
    }

    /// - Returns: When the gateway started, in Unix seconds.
    func report(_ host: HostInfo) async throws -> UInt64 {
        try await unary(.reportSystemInfo2, host, StartReceipt.self).startedAt
    }

    /// - Returns: When the gateway started, in Unix seconds.
    func report(_ geoIP: GeoIPInfo, use6: Bool) async throws -> UInt64 {
        try await unary(.reportGeoIP, GeoIPMessage(geoIP, use6: use6), GeoIPMessage.self).startedAt
    }

    private func unary<Answer: ProtobufMessage>(
        _ method: NezhaMethod, _ message: some ProtobufMessage, _ answer: Answer.Type
    ) async throws -> Answer {
        try Answer(
            protobuf: await client.unary(
                method.path, message.protobuf(), metadata: metadata, timeout: Self.unaryLimit))
    }

    /// A call that streams both ways, for the time of `body`.
    /// - Parameters:
    ///   - limit: of the whole call; without it the call may last for ever.
    ///   - more: metadata besides the credentials.
    func withStream<Success>(
        _ method: NezhaMethod, limit: Duration? = nil, adding more: HTTPFields = [:],
        _ body: (GRPCClientStream) async throws -> Success
    ) async throws -> Success {
        try await client.withStream(method.path, metadata: metadata + more, timeout: limit, body)
    }
}
