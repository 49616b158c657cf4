import GRPCNIOTransportHTTP2
import NIOCore
import NIOHTTP2
import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Hands connections that another listener accepted to a `GRPCServer`.
///
/// gRPC wants a listening channel that yields connections. This one owns no socket: it reads from a pipe that nobody
/// writes to, and ``adopt(_:isTLS:)`` feeds accepted connections into its pipeline (`one-port.md`, 4).
final class GRPCBridge: HTTP2ServerTransport.ListenerFactory {
    typealias Configurator = HTTP2ServerTransport.ConnectionConfigurator

    private struct Serving {
        let configurator: Configurator
        let listener: any Channel
        let feeder: NIOLoopBound<ConnectionFeeder>
    }

    let eventLoopGroup: any EventLoopGroup
    /// Open from the moment gRPC accepts connections.
    let ready = Latch()
    private let serving = Mutex<Serving?>(nil)

    init(eventLoopGroup: any EventLoopGroup) {
        self.eventLoopGroup = eventLoopGroup
    }

    func makeListeningChannel(
        listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator, connectionConfigurator: Configurator
    ) async throws -> NIOAsyncChannel<Configurator.ConnectionChannel, Never> {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw IOError(errnoCode: errno, reason: "pipe") }
        let (readEnd, writeEnd) = (ends[0], ends[1])
        // Fails only when the process is out of descriptors or memory; the gateway does not start then.
        let (channel, feeder) = try await NIOPipeBootstrap(group: eventLoopGroup)
            .takingOwnershipOfDescriptor(input: readEnd) { channel in
                // An end of file on the pipe would end the server, so the write end lives as long as the channel.
                channel.closeFuture.whenComplete { _ in _ = close(writeEnd) }
                return Self.prepare(channel, listenerConfigurator)
            }
        channel.channel.closeFuture.whenComplete { _ in self.serving.withLock { $0 = nil } }
        serving.withLock {
            $0 = Serving(configurator: connectionConfigurator, listener: channel.channel, feeder: feeder)
        }
        ready.open()
        return channel
    }

    /// Makes gRPC serve `channel`, whose first bytes have not been read by anybody. Call on the channel's loop.
    /// - Returns: fails when gRPC is not running; the caller closes the channel then.
    func adopt(_ channel: any Channel, isTLS: Bool) -> EventLoopFuture<Void> {
        guard let serving = serving.withLock({ $0 }) else {
            return channel.eventLoop.makeFailedFuture(ConnectionRefusal.grpcNotServing)
        }
        let tls: Configurator.TLS = isTLS ? .configured(requireALPN: false) : .none
        do {
            try channel.pipeline.syncOperations.addHandler(LateResetHandler())
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        return serving.configurator.configure(channel: channel, tls: tls).flatMapThrowing { connection in
            // NIOHTTP2 and gRPC ignore the client's FIN; half-open connections would pile up (pitfall 2).
            try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
            // The handlers came to a channel that was active already, so nobody told gRPC's connection manager; its
            // timers for age and idleness start at this event (pitfall 3).
            try channel.pipeline.syncOperations.context(handlerType: NIOHTTP2Handler.self).fireChannelActive()
            return connection
        }.flatMap { connection in
            // A connection that is refused below must outlive its channel: gRPC's writers trap when they are dropped
            // while it is open (pitfall 10).
            channel.closeFuture.whenComplete { _ in withExtendedLifetime(connection) {} }
            return serving.listener.eventLoop.submit {
                guard serving.listener.isActive else { throw ConnectionRefusal.grpcNotServing }
                serving.feeder.value.feed(connection, of: channel)
            }.hop(to: channel.eventLoop)
        }
    }

    private typealias Prepared = (
        NIOAsyncChannel<Configurator.ConnectionChannel, Never>, NIOLoopBound<ConnectionFeeder>
    )

    private static func prepare(
        _ channel: any Channel, _ configurator: HTTP2ServerTransport.ListenerConfigurator
    ) -> EventLoopFuture<Prepared> {
        // gRPC's own handler has to come first: it records the connections and is what a graceful shutdown closes.
        configurator.configure(channel: channel).flatMapThrowing {
            let feeder = ConnectionFeeder()
            try channel.pipeline.syncOperations.addHandler(feeder)
            let wrapped = try NIOAsyncChannel<Configurator.ConnectionChannel, Never>(
                wrappingChannelSynchronously: channel)
            return (wrapped, NIOLoopBound(feeder, eventLoop: channel.eventLoop))
        }
    }
}

/// Turns the accepted `Channel`, which is what gRPC's handler before it wants to see, into what gRPC's loop reads.
private final class ConnectionFeeder: ChannelInboundHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel

    private var pipeline: ChannelPipeline?
    /// Set only while ``feed(_:of:)`` runs.
    private var next: InboundOut?

    func handlerAdded(context: ChannelHandlerContext) {
        pipeline = context.pipeline
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        pipeline = nil
    }

    func feed(_ connection: InboundOut, of channel: any Channel) {
        next = connection
        pipeline?.syncOperations.fireChannelRead(NIOAny(channel))
        pipeline?.syncOperations.fireChannelReadComplete()
        next = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let next else { return }
        self.next = nil
        context.fireChannelRead(wrapInboundOut(next))
    }
}
