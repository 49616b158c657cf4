import AgentLink
import GRPCCore
import GRPCNIOTransportHTTP2
import NIOCore

/// The gRPC calls of an agent, with its credentials on each of them (`agent-link.md` 1).
struct AgentLinkClient: Sendable {
    typealias Transport = HTTP2ClientTransport.Posix

    /// What is accepted of one message; a dashboard may send more than gRPC's default of 4 MiB.
    static let maxMessage = 16 << 20
    static let unaryLimit = Duration.seconds(10)

    let client: Proto_NezhaService.Client<Transport>
    private let grpc: GRPCClient<Transport>
    let metadata: Metadata

    init(_ client: GRPCClient<Transport>, _ configuration: AgentConfiguration) {
        grpc = client
        self.client = Proto_NezhaService.Client(wrapping: client)
        // Both spellings: proxies drop names with an underscore, old dashboards know no other.
        metadata = [
            "client-secret": .string(configuration.clientSecret),
            "client-uuid": .string(configuration.uuid),
            "client_secret": .string(configuration.clientSecret),
            "client_uuid": .string(configuration.uuid),
        ]
    }

    /// For calls without a deadline: a long stream, or one whose owner watches the time.
    static let streamOptions: CallOptions = {
        var options = CallOptions.defaults
        options.waitForReady = false
        options.maxRequestMessageBytes = maxMessage
        options.maxResponseMessageBytes = maxMessage
        return options
    }()

    private static let unaryOptions: CallOptions = {
        var options = streamOptions
        options.timeout = unaryLimit
        return options
    }()

    /// - Returns: When the gateway started, in Unix seconds.
    func report(_ host: HostInfo) async throws -> UInt64 {
        try await client.reportSystemInfo2(
            Proto_Host(host), metadata: metadata, options: Self.unaryOptions
        ).data
    }

    /// - Returns: When the gateway started, in Unix seconds.
    func report(_ geoIP: GeoIPInfo, use6: Bool) async throws -> UInt64 {
        try await client.reportGeoIP(
            Proto_GeoIP(geoIP, use6: use6), metadata: metadata, options: Self.unaryOptions
        ).dashboardBootTime
    }

    /// Opens an IOStream, with the codec that copies least.
    func ioStream(
        options: CallOptions, _ produce: @escaping @Sendable (RPCWriter<IOStreamFrame>) async throws -> Void,
        onResponse consume: @escaping @Sendable (StreamingClientResponse<IOStreamFrame>) async throws -> Void
    ) async throws {
        try await grpc.bidirectionalStreaming(
            request: StreamingClientRequest(metadata: metadata, producer: produce),
            descriptor: Proto_NezhaService.Method.IOStream.descriptor, serializer: IOStreamFrameCodec(),
            deserializer: IOStreamFrameCodec(), options: options, onResponse: consume)
    }

    /// HTTP/2 by prior knowledge, or TLS with ALPN `h2`.
    static func transport(_ configuration: AgentConfiguration) throws -> Transport {
        guard let address = ServerAddress(configuration.server) else {
            throw ConfigurationError.invalid(key: "server", value: configuration.server, expected: "host:port")
        }
        let security: Transport.TransportSecurity =
            configuration.tls
            ? .tls(
                .defaults { tls in
                    if configuration.insecureTLS { tls.serverCertificateVerification = .noVerification }
                }) : .plaintext
        return try Transport(target: target(address), transportSecurity: security, config: transportSettings)
    }

    /// What is received in one piece, by one read of the socket and in one frame. The defaults of 64 and 16 KiB cost an
    /// upload much of its speed. Credit, not memory: nothing is set aside for it.
    static let pieceSize = TransferPieces.payload

    private static let transportSettings = Transport.Config.defaults { config in
        config.http2.maxFrameSize = TransferPieces.frame
        config.http2.targetWindowSize = 1 << 20
        // Whole frames of a transfer need no company, and what is small comes seldom.
        config.connection.flushCoalescing = nil
        config.channelDebuggingCallbacks.onCreateTCPConnection = { channel in
            channel.setOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: pieceSize))
        }
    }

    private static func target(_ address: ServerAddress) -> any ResolvableTarget {
        let isIPv4 =
            address.host.split(separator: ".").count == 4 && address.host.allSatisfy { $0.isNumber || $0 == "." }
        if isIPv4 { return .ipv4(address: address.host, port: address.port) }
        if address.host.contains(":") { return .ipv6(address: address.host, port: address.port) }
        return .dns(host: address.host, port: address.port)
    }
}
