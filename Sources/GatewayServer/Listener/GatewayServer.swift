import AgentLink
package import GRPC
import Glibc
package import HTTP
package import Logging
import Transport

/// The listeners of the gateway: HTTP/1.1, HTTP/2 and gRPC on one port, the same over TLS on a second one if wanted.
package final class GatewayServer: Sendable {
    /// Where it listens, once it does.
    package struct Address: Sendable, Hashable, CustomStringConvertible {
        package var host: String
        package var port: Int
        package var tlsPort: Int?

        /// `host:port` of the cleartext port, an IPv6 address in brackets.
        package var description: String { "\(BindHost.inURL(host)):\(port)" }
    }

    private let configuration: ListenerConfiguration
    private let server: HTTPServer
    private let onListening: @Sendable (Address) async -> Void
    private let onShutdown: @Sendable () async -> Void
    private let (stops, wantStop) = AsyncStream<Void>.makeStream()

    /// - Parameters:
    ///   - http: answers every web request.
    ///   - grpcServices: what agents call.
    ///   - onListening: called once, when all ports accept connections of every protocol.
    ///   - onShutdown: called once, when ``stop()`` was asked for and everything still works; the place to end
    ///     long-lived streams with a word of explanation. The listeners go on until it returns.
    package init(
        configuration: ListenerConfiguration, http: @escaping HTTPEntry, grpcServices: [any GRPCService] = [],
        onListening: @escaping @Sendable (Address) async -> Void = { _ in },
        onShutdown: @escaping @Sendable () async -> Void = {}, logger: Logger
    ) {
        self.configuration = configuration
        self.onListening = onListening
        self.onShutdown = onShutdown
        let limits = configuration.limits
        var calls = GRPCServerLimits()
        calls.maximumMessage = limits.maxMessageSize
        var http2 = HTTP2ServerConfiguration(entry: http)
        http2.settings.grownStreamWindow = UInt32(clamping: limits.streamWindow)
        http2.settings.maximumFrame = UInt32(TransferPieces.frame)
        server = HTTPServer(
            limits: limits, router: grpcServices.isEmpty ? nil : GRPCRouter(grpcServices, limits: calls), http2: http2,
            logger: logger, entry: http)
    }

    /// Listens until ``stop()`` is called, then lets requests and agent streams go on for
    /// ``ListenerLimits/shutdownGrace``, closes what is left and returns. To be called once.
    /// - Throws: ``ListenerError`` when it cannot listen.
    package func run() async throws {
        DescriptorLimit.raise()
        TransferPieces.keepFreedMemory()
        let tls = try configuration.tls.map { ($0.port, try $0.makeContext()) }
        do throws(ListenerError) {
            let port = try await listen(configuration.port, nil)
            var tlsPort: Int?
            if let (port, context) = tls { tlsPort = try await listen(port, context) }
            await onListening(Address(host: BindHost.resolve(configuration.host), port: port, tlsPort: tlsPort))
        } catch {
            await server.stop()
            throw error
        }
        for await _ in stops { break }
        await onShutdown()
        await server.stop()
    }

    /// Has ``run()`` end in good order.
    package func stop() async {
        wantStop.yield()
        wantStop.finish()
    }

    private func listen(_ port: Int, _ tls: TLSContext?) async throws(ListenerError) -> Int {
        do throws(ListenFailure) {
            guard let port = UInt16(exactly: port) else { throw .system(SystemError(code: EINVAL)) }
            return try await server.listen(host: configuration.host, port: port, tls: tls)
        } catch {
            throw .cannotListen(host: BindHost.resolve(configuration.host), port: port, reason: error.description)
        }
    }
}

extension ListenerConfiguration.TLS {
    /// Reads certificate and key. The server's order of protocols decides: whoever offers HTTP/1.1 gets it (curl,
    /// browsers), and gRPC clients, which do not, get `h2`.
    func makeContext() throws(ListenerError) -> TLSContext {
        do throws(TLSContextError) {
            return try .server(
                certificatePath: certificatePath, keyPath: keyPath, protocols: ["http/1.1", "h2"])
        } catch {
            switch error {
            case .badCertificate(let path, let reason): throw .badCertificate(path: path, reason: reason)
            case .badKey(let path, let reason): throw .badKey(path: path, reason: reason)
            case .library(let reason): throw .badCertificate(path: certificatePath, reason: reason)
            }
        }
    }
}
