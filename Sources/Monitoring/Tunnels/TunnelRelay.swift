import AgentLink
import HTTP
import Synchronization

/// One request that goes through a tunnel, and its response on the way back.
final class TunnelRelay: Sendable {
    enum Failure: Error {
        /// The service behind the tunnel closed the connection, or said something that is no response.
        case noResponse
    }

    /// Bytes of one frame.
    private static let frameLimit = 32 << 10
    /// For so long a WebSocket may be silent: a client that vanished without a word keeps its place no longer.
    static let silence = Duration.seconds(3600)
    /// A service that takes nothing of a request for so long has gone: its client may have, too, and is not heard meanwhile.
    static let stall = Duration.seconds(60)

    private let stream: any AgentStream
    private let exchange: Mutex<RelayedExchange>
    private let sending: Task<Void, Never>

    /// Begins to send at once.
    init(_ request: InboundRequest, over stream: any AgentStream, stall: Duration = TunnelRelay.stall) {
        let framing = Self.framing(of: request)
        self.stream = stream
        exchange = Mutex(RelayedExchange(method: request.head.method, framing))
        sending = Task { await Self.send(request, framing, over: stream, stall) }
    }

    /// Whether the service speaks WebSocket from here on.
    var isSwitched: Bool { exchange.withLock { $0.isSwitched } }

    /// The response's head, once it has come.
    func head() async throws -> HTTPResponse {
        while true {
            if let response = exchange.withLock({ $0.response }) { return response }
            try await receive()
        }
    }

    /// Hands the body on until it ends, and closes the tunnel.
    func pump(_ write: @Sendable ([UInt8]) async throws -> Void) async throws {
        do {
            while true {
                let (bytes, hasEnded) = exchange.withLock { ($0.takeBody(), $0.hasEnded) }
                if !bytes.isEmpty { try await write(bytes) }
                if hasEnded { break }
                try await receive()
            }
        } catch {
            await close()
            throw error
        }
        await close()
    }

    /// Carries bytes both ways until one side ends or there were none for `silence`, and closes the tunnel. Each side is
    /// held back by the other.
    func splice(_ client: any SwitchedConnection, silence: Duration = TunnelRelay.silence) async {
        // Behind the head of the request, whenever the service chose to answer it.
        await sending.value
        let watch = SilenceWatch(limit: silence)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.down(to: client, watch) }
            group.addTask { await self.up(from: client, watch) }
            group.addTask { await watch.wait() }
            await group.next()
            group.cancelAll()
        }
        await close()
    }

    /// A side that fails has ended.
    private func down(to client: any SwitchedConnection, _ watch: SilenceWatch) async {
        do {
            // What came together with the head.
            let early = exchange.withLock { $0.takeBody() }
            if !early.isEmpty { try await client.send(early) }
            while let bytes = try await stream.receive() {
                watch.heard()
                try await client.send(bytes)
            }
        } catch { return }
    }

    private func up(from client: any SwitchedConnection, _ watch: SilenceWatch) async {
        do {
            while let bytes = try await client.receive() {
                watch.heard()
                for piece in Self.pieces(of: bytes) { try await stream.send(piece) }
            }
        } catch { return }
    }

    func close() async {
        sending.cancel()
        await stream.close()
    }

    private func receive() async throws {
        guard let bytes = try await stream.receive() else {
            try exchange.withLock { exchange throws(RelayedExchange.Failure) in try exchange.end() }
            guard exchange.withLock({ $0.hasEnded }) else { throw Failure.noResponse }
            return
        }
        try exchange.withLock { exchange throws(RelayedExchange.Failure) in try exchange.receive(bytes) }
    }

    /// What cannot be sent shows on the way back.
    private static func send(
        _ request: InboundRequest, _ framing: RelayedExchange.Framing, over stream: any AgentStream, _ stall: Duration
    ) async {
        let isChunked = framing == .chunked
        @Sendable func send(_ bytes: [UInt8]) async throws {
            try await withDeadline(stall) { try await stream.send(bytes) }
        }
        do {
            var head = request.head
            head.headerFields[.authorization] = nil
            try await send(RelayedExchange.head(head, framing))
            while let bytes = try await request.body.next() {
                for piece in pieces(of: bytes) { try await send(isChunked ? RelayedExchange.chunk(piece) : piece) }
            }
            if isChunked { try await send(RelayedExchange.chunk([])) }
        } catch is DeadlineExceeded {
            await stream.close()
        } catch {
            return
        }
    }

    private static func framing(of request: InboundRequest) -> RelayedExchange.Framing {
        if WebSocketHandshake.isAskedFor(by: request.head) { return .webSocket }
        let isChunked = request.contentLength == nil && request.head.headerFields.contains(.transferEncoding)
        return isChunked ? .chunked : .length
    }

    private static func pieces(of bytes: [UInt8]) -> [[UInt8]] {
        stride(from: 0, to: bytes.count, by: frameLimit).map { Array(bytes[$0..<min($0 + frameLimit, bytes.count)]) }
    }
}
