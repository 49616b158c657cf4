import NIOCore
import NIOTLS

/// What a connection turned out to speak.
enum ConnectionProtocol: Sendable, Equatable {
    case http1
    case http2
}

/// Finds out what a connection speaks, has the rest of its pipeline built, replays what came meanwhile and leaves.
///
/// On TLS the negotiated ALPN protocol decides; a client without ALPN, like every cleartext client, is told by its
/// first bytes.
final class ProtocolDecisionHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum State {
        case handshaking
        case sniffing(ProtocolSniffer)
        case configuring
        case done
    }

    private let configure: (ConnectionProtocol) -> EventLoopFuture<Void>
    private var state: State
    private var held = ByteBuffer()
    /// Events other than bytes that came while the pipeline was being built, in order.
    private var heldEvents: [Any] = []

    /// - Parameter configure: adds the protocol's handlers to the end of the pipeline, on the channel's loop. When its
    ///   future fails the connection is closed.
    init(isTLS: Bool, configure: @escaping (ConnectionProtocol) -> EventLoopFuture<Void>) {
        state = isTLS ? .handshaking : .sniffing(ProtocolSniffer())
        self.configure = configure
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        switch state {
        case .sniffing(var sniffer):
            let verdict = sniffer.feed(bytes.readableBytesView)
            held.writeBuffer(&bytes)
            state = .sniffing(sniffer)
            switch verdict {
            case .undecided: break
            case .http1: decide(.http1, context)
            case .http2: decide(.http2, context)
            }
        case .handshaking, .configuring:
            held.writeBuffer(&bytes)
        case .done:
            context.fireChannelRead(data)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .done = state { context.fireChannelReadComplete() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshaking = state, case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent {
            switch negotiated {
            case "h2": decide(.http2, context)
            case .some: decide(.http1, context)
            case nil: state = .sniffing(ProtocolSniffer())
            }
        } else if case .configuring = state {
            heldEvents.append(event)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func decide(_ decision: ConnectionProtocol, _ context: ChannelHandlerContext) {
        state = .configuring
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        configure(decision).hop(to: context.eventLoop).whenComplete { result in
            let (handler, context) = bound.value
            switch result {
            case .success: handler.handOver(context)
            case .failure: context.close(promise: nil)
            }
        }
    }

    private func handOver(_ context: ChannelHandlerContext) {
        state = .done
        guard context.channel.isActive else { return }
        if held.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(held))
            context.fireChannelReadComplete()
        }
        held.clear()
        heldEvents.forEach { context.fireUserInboundEventTriggered($0) }
        heldEvents.removeAll()
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
