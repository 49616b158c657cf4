import NIOCore

/// Closes a connection that has not shown its protocol: after a time, when the client stops sending, or when the
/// gateway shuts down. Without it one silent client would hold up a shutdown for ever (`one-port.md` 5).
///
/// It stands before any TLS handler, so that closing needs no cooperation of a handshake that never ends, and is
/// removed as soon as the protocol is known.
final class UndecidedConnectionGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let patience: TimeAmount
    private var timer: Scheduled<Void>?

    init(patience: TimeAmount) {
        self.patience = patience
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { start(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        start(context)
        context.fireChannelActive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        let isEndOfInput = (event as? ChannelEvent) == .inputClosed
        if isEndOfInput || event is ChannelShouldQuiesceEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func start(_ context: ChannelHandlerContext) {
        guard timer == nil else { return }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: patience) {
            bound.value.close(promise: nil)
        }
    }
}
