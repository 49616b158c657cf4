import NIOCore
import NIOHTTP1

/// Notices that the client of an HTTP/1 connection has gone while it is being answered, so that the work done for it
/// can be given up.
///
/// A closed or reset connection is plain. A client that only ended its sending side may be waiting for the answer
/// (`printf … | nc`) or may have closed altogether: both look alike until something is written. It gets its answer if
/// one begins within the grace; while one is being written it counts as present, as writing finds out by itself.
struct ClientPresence: Sendable {
    enum Event: Sendable {
        case requestRead
        case responsePartWritten
        case responseEnded
        case inputEnded
        /// - Parameter isWritable: whether the client takes what is written to it.
        case graceOver(isWritable: Bool)
        case connectionEnded
    }

    enum Action: Sendable, Equatable {
        case none
        case startGrace
        case declareGone
    }

    private(set) var requestsOpen = 0
    private(set) var inputHasEnded = false
    private var wroteInGrace = false
    private var isGone = false

    mutating func handle(_ event: Event) -> Action {
        guard !isGone else { return .none }
        switch event {
        case .requestRead:
            requestsOpen += 1
        case .responsePartWritten:
            wroteInGrace = true
        case .responseEnded:
            requestsOpen -= 1
            wroteInGrace = true
        case .inputEnded:
            guard !inputHasEnded else { return .none }
            inputHasEnded = true
            wroteInGrace = false
            return .startGrace
        case .graceOver(let isWritable):
            guard requestsOpen > 0, !wroteInGrace, isWritable else {
                wroteInGrace = false
                return requestsOpen > 0 ? .startGrace : .none
            }
            isGone = true
            return .declareGone
        case .connectionEnded:
            isGone = true
            return .declareGone
        }
        return .none
    }
}

/// Feeds ``ClientPresence`` from the channel. Stands between the HTTP/1 codec and what reads the requests.
final class ClientPresenceHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let grace: TimeAmount
    private let gone: EventLoopPromise<Void>
    private var presence = ClientPresence()
    private var timer: Scheduled<Void>?
    private var isInsideRequest = false
    private var isBroken = false
    private var isQuiescing = false
    private var isHandedOver = false

    /// - Parameter gone: succeeds when the client has gone, at the latest with the channel.
    init(grace: TimeAmount, gone: EventLoopPromise<Void>) {
        self.grace = grace
        self.gone = gone
    }

    /// Whether the connection can become something else at the request that was read last: it came whole, nothing
    /// came after it that was taken for HTTP, and its client is there.
    var mayUpgrade: Bool {
        presence.requestsOpen == 1 && !presence.inputHasEnded && !isInsideRequest && !isBroken
    }

    /// The connection is no longer HTTP's; whoever took over tells when its client has gone.
    func handOver() -> (gone: EventLoopPromise<Void>, isQuiescing: Bool) {
        isHandedOver = true
        timer?.cancel()
        return (gone, isQuiescing)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if case .end = part { isInsideRequest = false }
        guard case .head(var head) = part else { return context.fireChannelRead(data) }
        isInsideRequest = true
        tell(.requestRead, context)
        guard !head.isKeepAlive else { return context.fireChannelRead(data) }
        // The version of the request is lost in the conversion to HTTPTypes; say in its words what HTTP/1.0 means.
        head.headers.replaceOrAdd(name: "connection", value: "close")
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head, .body: tell(.responsePartWritten, context)
        case .end: tell(.responseEnded, context)
        }
        context.write(data, promise: promise)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if (event as? ChannelEvent) == .inputClosed { tell(.inputEnded, context) }
        if event is ChannelShouldQuiesceEvent { isQuiescing = true }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        isBroken = true
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        tell(.connectionEnded, context)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        tell(.connectionEnded, context)
    }

    private func tell(_ event: ClientPresence.Event, _ context: ChannelHandlerContext) {
        guard !isHandedOver else { return }
        switch presence.handle(event) {
        case .none: break
        case .declareGone: gone.succeed()
        case .startGrace:
            let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
            timer = context.eventLoop.scheduleTask(in: grace) {
                let (handler, context) = bound.value
                handler.tell(.graceOver(isWritable: context.channel.isWritable), context)
            }
        }
    }
}
