import GRPC
import HTTP
import TestSupport
import Testing
import Transport

@Suite("The client's end of a call", .timeLimit(.minutes(5)))
struct ClientTests {
    @Test("a message of the limit is taken, one byte more ends the call")
    func limit() async throws {
        var options = GRPCClient.Options(userAgent: "tests/1")
        options.maximumMessage = 1000
        let service = EchoService()
        try await Pipe.with([service], options: options) { pipe in
            let answer = try await pipe.client.unary(EchoService.path, [1], metadata: [.size: "1000"])
            #expect(answer.count == 1000)
            let error = await #expect(throws: GRPCStatus.self) {
                try await pipe.client.unary(EchoService.path, [1], metadata: [.size: "1001"])
            }
            #expect(error == GRPCStatus(.resourceExhausted, "message larger than 1000 bytes"))
        }
    }

    @Test("the default limit is 16 MiB")
    func defaultLimit() async throws {
        try await Pipe.with([EchoService()], pieceSize: 1 << 20) { pipe in
            let size = 16 << 20
            let answer = try await pipe.client.unary(EchoService.path, [1], metadata: [.size: "\(size)"])
            #expect(answer.count == size)
            let error = await #expect(throws: GRPCStatus.self) {
                try await pipe.client.unary(EchoService.path, [1], metadata: [.size: "\(size + 1)"])
            }
            #expect(error?.code == .resourceExhausted)
        }
    }

    @Test("a call that takes too long ends at both sides")
    func timeout() async throws {
        let service = EchoService()
        try await Pipe.with([service]) { pipe in
            let error = await #expect(throws: GRPCStatus.self) {
                try await pipe.client.unary(
                    EchoService.path, [1], metadata: [.hold: "1"], timeout: .milliseconds(50))
            }
            #expect(error?.code == .deadlineExceeded)
            #expect(await eventually { service.record.all.last == "cancelled" })
            // The connection goes on.
            let answer = try await pipe.client.unary(EchoService.path, [2], timeout: .seconds(10))
            #expect(answer == [2])
        }
    }

    @Test("cancelling the task resets the call")
    func cancel() async throws {
        let service = EchoService()
        try await Pipe.with([service]) { pipe in
            let task = Task {
                try await pipe.client.withStream(EchoService.path) { stream in
                    try await stream.send([1])
                    _ = try await stream.next()
                    _ = try await stream.next()
                }
            }
            #expect(await eventually { service.record.all.contains("message 1") })
            task.cancel()
            let error = await #expect(throws: GRPCStatus.self) { try await task.value }
            #expect(error?.code == .cancelled)
            #expect(await eventually { service.record.all.last == "cancelled" })
        }
    }

    @Test("a call that its closure leaves open is reset")
    func left() async throws {
        let service = EchoService()
        try await Pipe.with([service]) { pipe in
            try await pipe.client.withStream(EchoService.path) { stream in
                try await stream.send([1])
                #expect(try await stream.next() == [1])
            }
            #expect(await eventually { service.record.all.last == "cancelled" })
        }
    }

    @Test("sending waits for the server's window, and goes on when it opens")
    func sendWaits() async throws {
        let service = EchoService()
        try await Pipe.with([service]) { pipe in
            let sent = Counter()
            try await pipe.client.withStream(EchoService.path, metadata: [.hold: "1"]) { stream in
                let sender = Task {
                    for _ in 0..<64 {
                        try await stream.send([UInt8](repeating: 1, count: 256 << 10))
                        sent.add()
                    }
                }
                try await Task.sleep(for: .milliseconds(300))
                // The server's window and what waits here hold a few of the 16 MiB.
                #expect(sent.value < 16)
                #expect(!service.record.all.contains { $0.hasPrefix("message") })
                stream.cancel()
                let error = await #expect(throws: GRPCStatus.self) { try await sender.value }
                #expect(error?.code == .cancelled)
            }
        }
    }

    @Test("messages that nobody asks for wait at the server, and come when they are asked for")
    func receiveWaits() async throws {
        let source = Source(count: 64, size: 256 << 10)
        try await Pipe.with([source]) { pipe in
            try await pipe.client.withStream("/test.Source/Run") { stream in
                try await stream.send([1])
                #expect(await eventually { source.sent.value > 0 })
                try await Task.sleep(for: .milliseconds(300))
                let early = source.sent.value
                #expect(early < 16)
                for _ in 0..<64 { #expect(try await stream.next()?.count == 256 << 10) }
                #expect(try await stream.next() == nil)
                #expect(source.sent.value == 64)
            }
        }
    }

    @Test("without a connection calls fail at once")
    func closed() async throws {
        try await Pipe.with([EchoService()]) { pipe in
            #expect(await pipe.client.loss() == nil)
            await pipe.client.close()
            let error = await #expect(throws: GRPCStatus.self) { try await pipe.client.unary(EchoService.path, []) }
            #expect(error == GRPCStatus(.unavailable, "the client was closed"))
            #expect(await pipe.client.loss() == error)
        }
    }

    @Test("a lost connection ends every call with its cause, after what had come")
    func lost() async throws {
        let service = EchoService()
        try await Pipe.with([service]) { pipe in
            try await pipe.client.withStream(EchoService.path) { stream in
                try await stream.send([1])
                try await stream.send([2])
                #expect(await eventually { service.record.all.count { $0.hasPrefix("message") } == 2 })
                #expect(try await stream.next() == [1])
                let other = Task { try await pipe.client.unary(EchoService.path, [], metadata: [.hold: "1"]) }
                #expect(await eventually { service.record.all.count { $0 == "open" } == 2 })
                await pipe.loop.run { loop in pipe.ends.get(on: loop).serverTransport.close(on: loop) }
                let error = await #expect(throws: GRPCStatus.self) { try await other.value }
                #expect(error?.code == .unavailable)
                #expect(error?.cause == "closed by the server")
                #expect(try await stream.next() == [2])
                let end = await #expect(throws: GRPCStatus.self) { try await stream.next() }
                #expect(end == error)
                let sending = await #expect(throws: GRPCStatus.self) { try await stream.send([3]) }
                #expect(sending == error)
            }
            // The service hears of it, too; of the held call only when it is released, should its end have come before.
            #expect(await eventually { service.record.all.contains("cancelled") })
        }
    }

    @Test("a server that goes away takes no new calls and ends the open ones well")
    func goingAway() async throws {
        try await Pipe.with([EchoService()]) { pipe in
            try await pipe.client.withStream(EchoService.path) { stream in
                try await stream.send([1])
                #expect(try await stream.next() == [1])
                await pipe.loop.run { loop in pipe.ends.get(on: loop).server.beginShutdown(on: loop) }
                #expect(await eventually { await pipe.client.loss() != nil })
                let error = await #expect(throws: GRPCStatus.self) {
                    try await pipe.client.unary(EchoService.path, [])
                }
                #expect(error?.code == .unavailable)
                try await stream.send([2])
                #expect(try await stream.next() == [2])
                await stream.finish()
                #expect(try await stream.next() == nil)
            }
        }
    }

    @Test(
        "an answer that is none of gRPC's is a status by its HTTP status",
        arguments: [
            ("/404", GRPCStatus.Code.unimplemented), ("/502", .unavailable), ("/503", .unavailable),
            ("/401", .unauthenticated), ("/403", .permissionDenied), ("/500", .unknown), ("/200", .unknown),
        ])
    func http(path: String, code: GRPCStatus.Code) async throws {
        try await Pipe.with(router: Pages()) { pipe in
            let error = await #expect(throws: GRPCStatus.self) { try await pipe.client.unary(path, []) }
            #expect(error?.code == code)
        }
    }

    /// Answers as a proxy does: the path is the status.
    private struct Pages: HTTP2StreamRouter {
        func handler(
            for request: HTTPRequest, on stream: HTTP2Stream, on loop: isolated EventLoop
        ) -> (any HTTP2StreamHandler)? {
            let status = HTTPResponse.Status(code: Int(request.path?.dropFirst() ?? "") ?? 404)
            stream.respond(HTTPResponse(status: status, headerFields: [.contentType: "text/html"]), on: loop)
            stream.write(Array("<h1>no gRPC here</h1>".utf8), on: loop)
            stream.end(on: loop)
            return Page()
        }

        private final class Page: HTTP2StreamHandler {
            func received(_ bytes: [UInt8], on loop: isolated EventLoop) {}
            func receivedEnd(trailers: HTTPFields?, on loop: isolated EventLoop) {}
            func closed(_ failure: HTTP2StreamFailure?, on loop: isolated EventLoop) {}
        }
    }

    @Test("a message sent on a call that ended well is cancelled, on one that did not it has the status")
    func sendAfterEnd() async throws {
        try await Pipe.with([EchoService()]) { pipe in
            for (code, expected) in [(0, GRPCStatus.Code.cancelled), (7, .permissionDenied)] {
                try await pipe.client.withStream(EchoService.path, metadata: [.end: "\(code)"]) { stream in
                    try await stream.send([1])
                    _ = try? await stream.next()
                    let error = await #expect(throws: GRPCStatus.self) { try await stream.send([2]) }
                    #expect(error?.code == expected)
                }
            }
        }
    }
}

final class Counter: Sendable {
    private let count = Lock(0)
    func add() { count.withLock { $0 += 1 } }
    var value: Int { count.withLock { $0 } }
}

/// Sends so many messages as soon as it has heard one, but only while the client takes them.
struct Source: GRPCService {
    let count: Int
    let size: Int
    let sent = Counter()

    func handler(for call: GRPCServerCall, on loop: isolated EventLoop) -> (any GRPCServerHandler)? {
        call.credentialShown(of: .agent(1), on: loop)
        return Handler(self)
    }

    private final class Handler: GRPCServerHandler {
        let source: Source
        init(_ source: Source) { self.source = source }

        func received(_ message: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop) {
            writable(call, on: loop)
        }

        func writable(_ call: GRPCServerCall, on loop: isolated EventLoop) {
            while call.isWritable, source.sent.value < source.count {
                source.sent.add()
                call.send([UInt8](repeating: 3, count: source.size), on: loop)
            }
            if source.sent.value == source.count { call.finish(.ok, on: loop) }
        }

        func receivedEnd(in call: GRPCServerCall, on loop: isolated EventLoop) {}
        func closed(_ call: GRPCServerCall, on loop: isolated EventLoop) {}
    }
}
