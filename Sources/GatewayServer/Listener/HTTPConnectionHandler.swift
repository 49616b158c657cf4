import HTTPTypes
import HummingbirdCore
import Logging
import MCPServer
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import Synchronization

/// Serves the HTTP/1 connections: requests one after another, each answered by the one entry.
struct HTTPConnectionHandler: Sendable {
    let entry: HTTPEntry
    let limits: ListenerLimits
    private let date = HTTPDate()
    /// The decoder stops at a request that asks for an upgrade; what the client sends before it is answered waits.
    private static let maxUndecoded = 1 << 20

    init(entry: @escaping HTTPEntry, limits: ListenerLimits) {
        self.entry = entry
        self.limits = limits
    }

    /// Adds the handlers of HTTP/1 to the end of the pipeline. Call on the channel's loop.
    func configure(
        _ channel: any Channel, isSecure: Bool, _ logger: Logger
    ) throws -> (GatewayConnection.HTTPChannel, gone: EventLoopFuture<Void>) {
        let pipeline = channel.pipeline.syncOperations
        var decoder = NIOHTTPDecoderLimitConfiguration()
        decoder.maxHeaderFieldSize = limits.maxHeaderSize
        decoder.maxHeaderListSize = limits.maxHeaderSize
        // No pipelining assistance: requests are taken one by one below. No validation of headers to send: HTTPFields
        // holds valid ones only. The decoder hands over what it has not decoded when a WebSocket takes its place.
        try pipeline.addHandler(HTTPResponseEncoder())
        try pipeline.addHandler(
            ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: decoder),
                maximumBufferSize: Self.maxUndecoded))
        let gone = channel.eventLoop.makePromise(of: Void.self)
        channel.closeFuture.whenComplete { _ in gone.succeed() }
        try pipeline.addHandler(ClientPresenceHandler(grace: TimeAmount(limits.halfClosed), gone: gone))
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: isSecure))
        // Closes idle connections, and lets a drain wait for the request in hand only.
        try pipeline.addHandler(HTTPConnectionStateHandler(idleTimeout: limits.idle, logger: logger))
        // Parts are counted, not bytes; of a long body each is as large as one read.
        let wrapped = try GatewayConnection.HTTPChannel(
            wrappingChannelSynchronously: channel,
            configuration: .init(
                backPressureStrategy: .init(lowWatermark: 2, highWatermark: 4), isOutboundHalfClosureEnabled: true))
        return (wrapped, gone.futureResult)
    }

    /// Returns when the connection is closed. Cancelling the surrounding task cancels the request being answered.
    func serve(_ channel: GatewayConnection.HTTPChannel, isSecure: Bool, _ logger: Logger) async {
        do {
            try await channel.executeThenClose { inbound, outbound in
                let parts = RequestParts(inbound)
                let peer = channel.channel.remoteAddress?.peerText
                try await answerAll(parts, outbound, channel.channel, peer: peer, isSecure: isSecure)
                outbound.finish()
                // The client may still be sending. Closing at once would reset the connection, and the reset can
                // overtake the answer.
                _ = try await parts.skipBody(upTo: limits.maxSkippedBody)
            }
        } catch {
            logger.trace("HTTP connection ended", metadata: ["error": "\(error)"])
        }
    }

    private func answerAll(
        _ parts: RequestParts, _ outbound: HTTPResponseWriter.Outbound, _ channel: any Channel, peer: String?,
        isSecure: Bool
    ) async throws {
        let writer = HTTPResponseWriter(outbound, date: date)
        while true {
            let head: HTTPRequest
            do {
                guard let next = try await parts.nextHead() else { return }
                head = next
            } catch {
                // What came is no HTTP, or its head is too large; if the connection broke instead, this fails, too.
                return try await writer.write(.empty(.badRequest), endsConnection: true)
            }
            let client = ClientAddress(peer: peer, real: nil)
            guard try await answer(head, parts, outbound, channel, client, isSecure: isSecure) else { return }
        }
    }

    /// - Returns: whether the connection can carry another request.
    private func answer(
        _ head: HTTPRequest, _ parts: RequestParts, _ outbound: HTTPResponseWriter.Outbound,
        _ channel: any Channel, _ client: ClientAddress, isSecure: Bool
    ) async throws -> Bool {
        let interim = InterimResponse(isAwaited: head.expectsContinue, outbound)
        let growth = LongBody(limit: limits.longBody) {
            let pieces = AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: limits.longBodyPiece)
            channel.setOption(.recvAllocator, value: pieces).whenComplete { _ in }
        }
        let body = RequestBody {
            try await interim.sendIfAwaited()
            guard let chunk = try await parts.nextChunk() else { return nil }
            growth.add(chunk.readableBytes)
            return Array(chunk.readableBytesView)
        }
        let request = InboundRequest(
            head: head, id: RequestID.next(), client: client, isSecure: isSecure, body: body)
        let response = await entry(request)
        // A client that still waits for its 100 will not send the body any more, so what comes next is not known.
        let isStillAwaited = interim.close()
        if case .webSocket(let upgrade) = response.body {
            let wasServed = try await serveWebSocket(
                upgrade, answering: head, with: response.head, parts, channel)
            if wasServed { return false }
        }
        let canSkip = parts.body == .ended || (parts.body != .broken && !isStillAwaited && fitsToSkip(head))
        // The decoder reads nothing beyond a request that asks for an upgrade.
        let keepsAlive = canSkip && head.headerFields[.connection] != "close" && head.headerFields[.upgrade] == nil
        try await HTTPResponseWriter(outbound, date: date).write(
            response, isForHead: head.method == .head, endsConnection: !keepsAlive)
        guard keepsAlive else { return false }
        return try await parts.skipBody(upTo: limits.maxSkippedBody)
    }

    private func fitsToSkip(_ head: HTTPRequest) -> Bool {
        guard let length = head.headerFields[.contentLength].flatMap({ Int($0) }) else { return true }
        return length <= limits.maxSkippedBody
    }
}

/// Tells once that more than `limit` bytes of a body were read. By then somebody wants it, and it is no mere beginning of
/// one, of which a hostile client could have many waiting.
private final class LongBody: Sendable {
    private let limit: Int
    private let isLong: @Sendable () -> Void
    private let read = Mutex(0)

    init(limit: Int, isLong: @escaping @Sendable () -> Void) {
        self.limit = limit
        self.isLong = isLong
    }

    func add(_ count: Int) {
        let isPassed = read.withLock { read in
            let before = read
            read += count
            return before <= limit && read > limit
        }
        if isPassed { isLong() }
    }
}
