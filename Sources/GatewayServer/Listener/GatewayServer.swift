import AgentLink
public import GRPCCore
import GRPCNIOTransportHTTP2
import HummingbirdCore
public import Logging
import NIOCore
import NIOPosix
import NIOSSL
public import ServiceLifecycle

/// The listeners of the gateway: HTTP/1.1 and gRPC on one port, the same over TLS on a second one if wanted.
///
/// As a `Service` it ends by a graceful shutdown: it accepts no more, lets requests and agent streams go on for
/// ``ListenerLimits/shutdownGrace``, then closes them.
public struct GatewayServer: Service {
    /// Where it listens, once it does.
    public struct Address: Sendable, Hashable, CustomStringConvertible {
        public var host: String
        public var port: Int
        public var tlsPort: Int?

        /// `host:port` of the cleartext port, an IPv6 address in brackets.
        public var description: String { "\(BindHost.inURL(host)):\(port)" }
    }

    private let configuration: ListenerConfiguration
    private let http: HTTPEntry
    private let grpcServices: [any RegistrableRPCService]
    private let onListening: @Sendable (Address) async -> Void
    private let onShutdown: @Sendable () async -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - http: answers every HTTP request.
    ///   - grpcServices: what agents call.
    ///   - onListening: called once, when all ports accept connections of either protocol.
    ///   - onShutdown: called once, when a graceful shutdown begins and everything still works; the place to end
    ///     long-lived streams with a word of explanation. The listeners go on until it returns.
    public init(
        configuration: ListenerConfiguration, http: @escaping HTTPEntry,
        grpcServices: [any RegistrableRPCService] = [],
        onListening: @escaping @Sendable (Address) async -> Void = { _ in },
        onShutdown: @escaping @Sendable () async -> Void = {},
        logger: Logger
    ) {
        self.configuration = configuration
        self.http = http
        self.grpcServices = grpcServices
        self.onListening = onListening
        self.onShutdown = onShutdown
        self.logger = logger
    }

    /// - Throws: ``ListenerError`` when it cannot listen.
    public func run() async throws {
        DescriptorLimit.raise()
        TransferPieces.keepFreedMemory()
        let tls = try configuration.tls.map { try ($0.port, $0.makeContext()) }
        let loops = MultiThreadedEventLoopGroup.singleton
        let bridge = GRPCBridge(eventLoopGroup: loops)
        let roll = ListenerRoll(host: configuration.host, expectsTLS: tls != nil, onListening)
        let handler = HTTPConnectionHandler(entry: http, limits: configuration.limits)
        func listener(_ port: Int, _ context: NIOSSLContext?) -> PortListener {
            let channel = GatewayChannel(http: handler, bridge: bridge, tls: context, limits: configuration.limits)
            return PortListener(
                channel: channel, host: BindHost.resolve(configuration.host), port: port, loops: loops,
                logger: logger
            ) { await roll.isListening(on: $0, isTLS: context != nil) }
        }
        var services: [any Service] = [
            AgentServer(bridge: bridge, services: grpcServices, limits: configuration.limits),
            listener(configuration.port, nil),
        ]
        if let (port, context) = tls { services.append(listener(port, context)) }
        // Services are stopped in reverse order, one after the other; so this one is the first to hear of it.
        services.append(ShutdownNotice(notice: onShutdown))
        var group = ServiceGroupConfiguration(services: services, logger: logger.quieted())
        // Agent streams end after the grace by themselves; whatever is left after twice the time is cancelled.
        group.maximumGracefulShutdownDuration = configuration.limits.shutdownGrace * 2
        try await ServiceGroup(configuration: group).run()
    }
}

/// Waits for all ports to be open, then tells once.
private actor ListenerRoll {
    private let host: String
    private let expectsTLS: Bool
    private let tell: @Sendable (GatewayServer.Address) async -> Void
    private var port: Int?
    private var tlsPort: Int?

    init(host: String, expectsTLS: Bool, _ tell: @escaping @Sendable (GatewayServer.Address) async -> Void) {
        self.host = host
        self.expectsTLS = expectsTLS
        self.tell = tell
    }

    func isListening(on port: Int, isTLS: Bool) async {
        if isTLS { tlsPort = port } else { self.port = port }
        guard let port = self.port, !expectsTLS || tlsPort != nil else { return }
        await tell(GatewayServer.Address(host: BindHost.resolve(host), port: port, tlsPort: tlsPort))
    }
}

/// One listening socket.
private struct PortListener: Service {
    let channel: GatewayChannel
    let host: String
    let port: Int
    let loops: any EventLoopGroup
    let logger: Logger
    let onListening: @Sendable (_ port: Int) async -> Void

    func run() async throws {
        // An agent that connects before gRPC serves would be turned away.
        try await channel.bridge.ready.wait()
        let server = channel.server(
            // Long enough for all agents of a restarted gateway to come back at once; the system may have less.
            configuration: ServerConfiguration(address: .hostname(host, port: port), backlog: 4096),
            onServerRunning: { await onListening($0.localAddress?.port ?? port) },
            eventLoopGroup: loops, logger: logger.quieted())
        do {
            try await server.run()
        } catch let error as IOError {
            throw ListenerError.cannotListen(host: host, port: port, reason: Self.reason(error))
        } catch let error as SocketAddressError {
            throw ListenerError.cannotListen(host: host, port: port, reason: "\(error)")
        }
    }

    private static func reason(_ error: IOError) -> String {
        error.errnoCode == EADDRINUSE ? "the address is in use" : "\(error)"
    }
}

/// The gRPC server behind the bridge.
private struct AgentServer: Service {
    let bridge: GRPCBridge
    let services: [any RegistrableRPCService]
    let limits: ListenerLimits

    func run() async throws {
        var config = HTTP2ServerTransport.Custom<GRPCBridge>.Config.defaults
        config.rpc.maxRequestPayloadSize = limits.maxMessageSize
        // Agents keep their streams open for ever; without an end to the grace they would hold up the shutdown.
        config.connection.maxGraceTime = limits.shutdownGrace
        // Finds agents whose network went away without a word.
        config.connection.keepalive.time = .seconds(60)
        // Agents of other makes may ping as they like; a server that minds would cut them off.
        config.connection.keepalive.clientBehavior.allowWithoutCalls = true
        config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(5)
        // One agent has three lasting streams and at most 40 open for its users; the rest is abuse.
        config.http2.maxConcurrentStreams = 256
        // The defaults of 64 and 16 KiB cost a download much of its speed. Credit, not memory: idle agents hold none.
        config.http2.targetWindowSize = limits.streamWindow
        config.http2.maxFrameSize = TransferPieces.frame
        // Answers are small and each agent has a connection of its own: waiting for more to send gains nothing.
        config.connection.flushCoalescing = nil
        let transport = HTTP2ServerTransport.Custom(listenerFactory: bridge, config: config)
        let server = GRPCServer(transport: transport, services: services)
        do {
            try await withGracefulShutdownHandler {
                try await server.serve()
            } onGracefulShutdown: {
                server.beginGracefulShutdown()
            }
        } catch  where Task.isCancelled {
            // The shutdown's time was up; that it had to be cut short is no failure of the program.
        }
    }
}

/// Calls a closure when a graceful shutdown begins.
private struct ShutdownNotice: Service {
    let notice: @Sendable () async -> Void

    func run() async throws {
        try await gracefulShutdown()
        await notice()
    }
}

extension Logger {
    /// For the frameworks: what they tell below `notice` repeats our own lines, and a service group describes its
    /// services down to the last member, secrets included.
    package func quieted() -> Logger {
        var quiet = self
        quiet.logLevel = max(logLevel, .notice)
        return quiet
    }
}
