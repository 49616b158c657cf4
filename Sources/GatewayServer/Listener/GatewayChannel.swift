import HummingbirdCore
import Logging
import NIOCore
import NIOSSL

/// The one port: every accepted connection is told by its first bytes, or by ALPN, to be HTTP/1.1 or gRPC
/// (`one-port.md`). Hummingbird's server owns the socket, accepts, and drains at shutdown.
struct GatewayChannel: ServerChildChannel {
    let http: HTTPConnectionHandler
    let bridge: GRPCBridge
    /// The certificate of a TLS port; `nil` on the cleartext one.
    let tls: NIOSSLContext?
    let limits: ListenerLimits

    /// Returns at once, with the decision as a future inside: a future that waited for bytes here would never see one,
    /// because a channel reads only after its set-up has completed (`one-port.md`, pitfall 1).
    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<GatewayConnection> {
        let role = channel.eventLoop.makePromise(of: GatewayConnection.Role.self)
        // Every path ends here at the latest, so that nobody waits for a decision that cannot come any more. A promise
        // that is completed already ignores this.
        channel.closeFuture.whenComplete { _ in role.fail(ConnectionRefusal.endedUndecided) }
        return channel.eventLoop.makeCompletedFuture {
            try prepare(channel, role, logger)
            return GatewayConnection(channel: channel, role: role.futureResult)
        }.flatMapErrorThrowing { error in
            role.fail(error)
            throw error
        }
    }

    func handle(value: GatewayConnection, logger: Logger) async {
        await withTaskCancellationHandler {
            switch try? await value.role.get() {
            case .http(let channel, let gone): await serve(channel, until: gone, logger)
            case .grpc: try? await value.channel.closeFuture.get()
            case nil: value.channel.close(promise: nil)
            }
        } onCancel: {
            value.channel.close(promise: nil)
        }
    }

    private func prepare(
        _ channel: any Channel, _ role: EventLoopPromise<GatewayConnection.Role>, _ logger: Logger
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
        let sentry = UndecidedConnectionGuard(patience: TimeAmount(limits.undecided))
        try pipeline.addHandler(sentry)
        if let tls {
            // A TLS client says goodbye by closing both directions; half-open TLS connections are of no use to anybody.
            try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
            try pipeline.addHandler(NIOSSLServerHandler(context: tls))
        }
        let decision = ProtocolDecisionHandler(isTLS: tls != nil) { [self] found in
            pipeline.removeHandler(sentry, promise: nil)
            switch found {
            case .http1: return becomeHTTP(channel, role, logger)
            case .http2: return becomeGRPC(channel, role)
            }
        }
        try pipeline.addHandler(decision)
    }

    private func becomeHTTP(
        _ channel: any Channel, _ role: EventLoopPromise<GatewayConnection.Role>, _ logger: Logger
    ) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let (wrapped, gone) = try http.configure(channel, isSecure: tls != nil, logger)
            role.succeed(.http(wrapped, gone: gone))
        }
    }

    private func becomeGRPC(
        _ channel: any Channel, _ role: EventLoopPromise<GatewayConnection.Role>
    ) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            // Grows only where much is read at a time. HTTP keeps the default: requests queue by count, not by size.
            try channel.syncOptions?.setOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: limits.pieceSize))
        }.flatMap {
            bridge.adopt(channel, isTLS: tls != nil)
        }.map { role.succeed(.grpc) }
    }

    private func serve(
        _ channel: GatewayConnection.HTTPChannel, until gone: EventLoopFuture<Void>, _ logger: Logger
    ) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await gone.get() }
            group.addTask { await http.serve(channel, isSecure: tls != nil, logger) }
            // Either the connection has ended, or its client has gone and what is still worked out for it is given up.
            // `gone` completes when the channel closes, so neither task outlives the other for long.
            await group.next()
            group.cancelAll()
        }
    }
}
