import GRPC
import HTTP
import TestSupport
import Transport

/// A server of gRPC and a client that speaks HTTP/2 only, so that a test says what each byte of a call is.
struct RawPipe: Sendable {
    let loop: EventLoop
    private let ends: LoopBound<Ends>

    private struct Ends {
        let transport: PipeTransport
        let serverTransport: PipeTransport
        let client: HTTP2ClientConnection
    }

    static func with<Success: Sendable>(
        _ services: [any GRPCService], limits: GRPCServerLimits = GRPCServerLimits(),
        _ body: (RawPipe) async throws -> Success
    ) async throws -> Success {
        try await with(router: GRPCRouter(services, limits: limits), body)
    }

    static func with<Success: Sendable>(
        router: GRPCRouter, _ body: (RawPipe) async throws -> Success
    ) async throws -> Success {
        let loop = EventLoop()
        loop.start()
        let pipe = await loop.run { loop in RawPipe(router, on: loop) }
        let result: Result<Success, any Error>
        do { result = .success(try await body(pipe)) } catch { result = .failure(error) }
        await pipe.close()
        await loop.stop()
        return try result.get()
    }

    private init(_ router: GRPCRouter, on loop: isolated EventLoop) {
        self.loop = loop
        let (near, far) = PipeTransport.pair()
        let configuration = HTTP2ServerConfiguration(entry: { _ in .empty(.notFound) }, router: router)
        far.attach(
            HTTP2Connection(over: far, configuration, peer: "192.0.2.7", isSecure: false, on: loop), on: loop)
        let client = HTTP2ClientConnection(over: near, isSecure: false, owner: Owner(), on: loop)
        near.attach(client, on: loop)
        ends = LoopBound(Ends(transport: near, serverTransport: far, client: client), on: loop)
    }

    private final class Owner: HTTP2ClientOwner {
        func connectionIsReady(_ connection: HTTP2ClientConnection, on loop: isolated EventLoop) {}
        func connectionGoesAway(
            _ connection: HTTP2ClientConnection, _ code: HTTP2ErrorCode, _ reason: String, on loop: isolated EventLoop
        ) {}
        func connectionClosed(
            _ connection: HTTP2ClientConnection, _ end: HTTP2ClientConnection.End, on loop: isolated EventLoop
        ) {}
    }

    /// What is sent after the head, all in one turn of the loop.
    enum Step: Sendable {
        case bytes([UInt8])
        case end
        case reset(HTTP2ErrorCode)

        static func message(_ message: [UInt8]) -> Step {
            let length = message.count
            return .bytes([0] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + message)
        }
    }

    /// Begins a call.
    func call(
        _ path: String = EchoService.path, method: HTTPRequest.Method = .post,
        contentType: String = "application/grpc", fields: HTTPFields = [:], _ steps: [Step]
    ) async throws -> RawCall {
        let request = HTTPRequest(
            method: method, scheme: "http", authority: "server:1", path: path,
            headerFields: [.te: "trailers", .contentType: contentType] + fields)
        return await loop.run { [ends] loop in
            let events = RawEvents()
            let stream = ends.get(on: loop).client.open(request, handler: events, on: loop)
            events.stream = stream
            let call = RawCall(events: LoopBound(events, on: loop))
            for step in steps { RawCall.take(step, stream, on: loop) }
            return call
        }
    }

    func call(_ steps: [Step]) async throws -> RawCall { try await call(EchoService.path, steps) }

    /// The server hears nothing of what `body` has the client send, and then all of it at once.
    func atOnce(_ body: () async throws -> Void) async throws {
        await loop.run { [ends] loop in ends.get(on: loop).serverTransport.pauseReceiving(on: loop) }
        try await body()
        await loop.run { [ends] loop in
            await loop.turn()
            ends.get(on: loop).serverTransport.resumeReceiving(on: loop)
        }
    }

    func close() async {
        await loop.run { [ends] loop in
            let ends = ends.get(on: loop)
            ends.transport.close(on: loop)
            // The loop may stop before the server hears of it.
            ends.serverTransport.close(on: loop)
        }
    }
}

/// A call of a ``RawPipe``.
struct RawCall: Sendable {
    let events: LoopBound<RawEvents>

    static func take(_ step: RawPipe.Step, _ stream: HTTP2Stream?, on loop: isolated EventLoop) {
        switch step {
        case .bytes(let bytes): stream?.write(bytes, on: loop)
        case .end: stream?.end(on: loop)
        case .reset(let code): stream?.reset(code, on: loop)
        }
    }

    func then(_ step: RawPipe.Step) async {
        await events.loop.run { [events] loop in
            Self.take(step, events.get(on: loop).stream, on: loop)
            // It is sent on its own.
            await loop.turn()
        }
    }

    /// What came until now.
    func answer() async -> RawAnswer {
        await events.loop.run { [events] loop in events.get(on: loop).answer }
    }

    /// What came, once the call has ended.
    func end() async -> RawAnswer {
        _ = await eventually { await answer().isOver }
        return await answer()
    }
}

struct RawAnswer: Sendable {
    var status: Int?
    var fields: HTTPFields = [:]
    var body: [UInt8] = []
    var trailers: HTTPFields?
    var failure: HTTP2StreamFailure?
    var isOver = false

    /// Of the trailers, or of a head that is all.
    var grpcStatus: String? { (trailers ?? fields)[HTTPField.Name(token: "grpc-status")] }
    var grpcMessage: String? { (trailers ?? fields)[HTTPField.Name(token: "grpc-message")] }
}

final class RawEvents: HTTP2StreamHandler {
    var stream: HTTP2Stream?
    /// Gives no window back.
    var takesNothing = false
    var answer = RawAnswer()

    func receivedHead(_ response: HTTPResponse, on loop: isolated EventLoop) {
        answer.status = response.status.code
        answer.fields = response.headerFields
    }

    func received(_ bytes: [UInt8], on loop: isolated EventLoop) {
        answer.body += bytes
        if !takesNothing { stream?.consume(bytes.count, on: loop) }
    }

    func receivedEnd(trailers: HTTPFields?, on loop: isolated EventLoop) {
        answer.trailers = trailers
        answer.isOver = true
    }

    func closed(_ failure: HTTP2StreamFailure?, on loop: isolated EventLoop) {
        answer.failure = failure
        answer.isOver = true
        stream = nil
    }
}
