import HTTPTypes
import HummingbirdCore
import MCPServer
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

#if os(Linux)
    import Glibc
#endif

/// Makes a WebSocket of an HTTP/1 connection, whichever of its requests asked for it.
enum WebSocketSwitch {
    /// Writes the 101, takes the handlers of HTTP out of the pipeline and puts ``WebSocketHandler`` in. Call on the
    /// channel's loop, when the request has been read to its end and every answer before it is written.
    /// - Returns: fails when the connection has ended or is of no use any more.
    static func perform(
        _ channel: any Channel, _ head: HTTPResponse, _ upgrade: WebSocketUpgrade, patience: Duration
    ) -> EventLoopFuture<ListenerWebSocket> {
        let pipeline = channel.pipeline.syncOperations
        do {
            let presence = try pipeline.handler(type: ClientPresenceHandler.self)
            guard channel.isActive, presence.mayUpgrade else { throw WebSocketFailure.broken }
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            pipeline.writeAndFlush(NIOAny(HTTPResponsePart.head(head)), promise: nil)
            let (gone, isQuiescing) = presence.handOver()
            let handler = WebSocketHandler(upgrade, patience: TimeAmount(patience), gone: gone)
            // In front, so that from here on no byte reaches the decoder.
            try pipeline.addHandler(handler, position: .before(try pipeline.handler(type: HTTPResponseEncoder.self)))
            pipeline.removeHandler(try pipeline.handler(type: HTTPConnectionStateHandler.self), promise: nil)
            pipeline.removeHandler(try pipeline.handler(type: HTTP1ToHTTPServerCodec.self), promise: nil)
            pipeline.removeHandler(presence, promise: nil)
            pipeline.removeHandler(try pipeline.handler(type: HTTPResponseEncoder.self), promise: nil)
            let early = EarlyBytes()
            try pipeline.addHandler(early, position: .after(decoder))
            limitUnacknowledged(channel, upgrade.pingInterval * 2)
            let socket = ListenerWebSocket(handler, on: channel.eventLoop)
            let bound = NIOLoopBound((handler: handler, early: early), eventLoop: channel.eventLoop)
            return pipeline.removeHandler(decoder).map { () -> ListenerWebSocket in
                let (handler, early) = bound.value
                handler.begin(early.bytes)
                early.bytes = []
                if isQuiescing { handler.shutDown() }
                return socket
            }
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
    }

    /// Has the system give up a connection whose client acknowledges nothing: while nobody receives, and so nothing is
    /// read, pongs are not seen. Where the option is missing, TCP's own patience is longer.
    private static func limitUnacknowledged(_ channel: any Channel, _ time: Duration) {
        #if os(Linux)
            let milliseconds = max(1000, min(TimeAmount(time).nanoseconds / 1_000_000, Int64(Int32.max)))
            let option = ChannelOptions.Types.SocketOption(
                level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_USER_TIMEOUT))
            try? channel.syncOptions?.setOption(option, value: SocketOptionValue(milliseconds))
        #endif
    }
}

/// Takes over what the decoder of HTTP had read and not decoded: the client's first frames.
private final class EarlyBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    var bytes: [ByteBuffer] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes.append(unwrapInboundIn(data))
    }
}

extension HTTPConnectionHandler {
    /// Turns the connection into a WebSocket and serves it to its end.
    /// - Returns: `false` when the request is no upgrade; nothing has been done then.
    /// - Throws: when the client has left. `run` has been called and has returned.
    func serveWebSocket(
        _ upgrade: WebSocketUpgrade, answering request: HTTPRequest, with response: HTTPResponse,
        _ parts: RequestParts, _ channel: any Channel
    ) async throws -> Bool {
        guard response.status == .switchingProtocols, let fields = WebSocketHandshake.fields(for: request) else {
            return false
        }
        var head = response
        for field in fields { head.headerFields[field.name] = field.value }
        let socket: ListenerWebSocket
        do {
            guard try await parts.skipBody(upTo: 0) else { throw WebSocketFailure.broken }
            socket = try await channel.eventLoop.flatSubmit { [head, limits] in
                WebSocketSwitch.perform(channel, head, upgrade, patience: limits.webSocketEnd)
            }.get()
        } catch {
            await upgrade.runWithoutClient()
            throw error
        }
        socket.end(await upgrade.run(socket))
        try await channel.closeFuture.get()
        return true
    }
}
