import GRPC
import HTTP
import Testing
import Transport

@Suite("Calls, from both ends", .timeLimit(.minutes(5)))
struct CallTests {
    @Test("messages go both ways, fields too, and the service hears of each step", arguments: [1, 7, 16 << 10])
    func echo(pieceSize: Int) async throws {
        let service = EchoService()
        try await Pipe.with([service], pieceSize: pieceSize) { pipe in
            try await pipe.client.withStream(EchoService.path, metadata: [.begin: "1"]) { stream in
                #expect(try await stream.initialMetadata()[.begin] == "begun")
                for message in [[], [1, 2, 3], [UInt8](repeating: 9, count: 300)] as [[UInt8]] {
                    try await stream.send(message)
                    #expect(try await stream.next() == message)
                }
                await stream.finish()
                #expect(try await stream.next() == nil)
                // And stays so.
                #expect(try await stream.next() == nil)
            }
        }
        #expect(service.record.all == ["open", "message 0", "message 3", "message 300", "end", "closed"])
    }

    @Test("a call has the client's fields in order, its address and its path")
    func seen() async throws {
        let seen = Seen()
        try await Pipe.with([seen]) { pipe in
            var metadata = HTTPFields()
            for (name, value) in [("key", "first"), ("other-bin", "AAE"), ("key", "second")] {
                metadata.append(HTTPField(name: HTTPField.Name(token: name), value: value))
            }
            let answer = try await pipe.client.unary("/test.Seen/Look", [], metadata: metadata)
            let lines = String(decoding: answer, as: UTF8.self).split(separator: "\n").map(String.init)
            #expect(lines.prefix(3) == ["/test.Seen/Look", "192.0.2.7", "false"])
            #expect(lines.filter { $0.hasPrefix("key: ") } == ["key: first", "key: second"])
            #expect(lines.contains("other-bin: AAE"))
            #expect(lines.contains("user-agent: tests/1"))
            #expect(lines.contains("te: trailers"))
            #expect(lines.contains("content-type: application/grpc"))
        }
    }

    /// Tells what it sees of a call.
    private struct Seen: GRPCService {
        func handler(for call: GRPCServerCall, on loop: isolated EventLoop) -> (any GRPCServerHandler)? {
            var lines = [call.path, call.peer ?? "", "\(call.isSecure)"]
            lines += call.metadata.map { "\($0.name.canonicalName): \($0.value)" }
            let text = lines.joined(separator: "\n")
            return GRPCUnaryHandler { _ in Array(text.utf8) }
        }
    }

    @Test("a method that nobody knows is unimplemented")
    func unknownMethod() async throws {
        for path in ["/test.Echo/Other", "/test.echo/talk", "/test.Echo/Talk/", "//test.Echo/Talk", "/"] {
            try await Pipe.with([EchoService()]) { pipe in
                let error = await #expect(throws: GRPCStatus.self) { try await pipe.client.unary(path, []) }
                #expect(error == GRPCStatus(.unimplemented, "unknown method"))
            }
        }
    }

    @Test("every status comes back with its message", arguments: GRPCStatus.Code.allCases)
    func statuses(code: GRPCStatus.Code) async throws {
        try await Pipe.with([EchoService()]) { pipe in
            try await pipe.client.withStream(EchoService.path, metadata: [.end: "\(code.rawValue)"]) { stream in
                try await stream.send([1])
                guard code != .ok else {
                    #expect(try await stream.next() == nil)
                    return
                }
                let error = await #expect(throws: GRPCStatus.self) { try await stream.next() }
                #expect(error == GRPCStatus(code, "as asked: ä%"))
                // A refused call has no fields of its own to begin with.
                let again = await #expect(throws: GRPCStatus.self) { try await stream.initialMetadata() }
                #expect(again?.code == code)
            }
        }
    }

    @Test("what was sent before the end of a call is read before its status")
    func messagesBeforeStatus() async throws {
        try await Pipe.with([Farewell()]) { pipe in
            try await pipe.client.withStream("/test.Farewell/Say") { stream in
                try await stream.send([1])
                for number in 0..<100 as Range<UInt8> { #expect(try await stream.next() == [number]) }
                let error = await #expect(throws: GRPCStatus.self) { try await stream.next() }
                #expect(error == GRPCStatus(.aborted, "enough"))
            }
        }
    }

    /// Answers the first message with a hundred, and ends the call.
    private struct Farewell: GRPCService {
        func handler(for call: GRPCServerCall, on loop: isolated EventLoop) -> (any GRPCServerHandler)? { Handler() }

        private final class Handler: GRPCServerHandler {
            func received(_ message: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop) {
                for number in 0..<100 as Range<UInt8> { call.send([number], on: loop) }
                call.finish(GRPCStatus(.aborted, "enough"), on: loop)
            }
            func receivedEnd(in call: GRPCServerCall, on loop: isolated EventLoop) {}
            func closed(_ call: GRPCServerCall, on loop: isolated EventLoop) {}
        }
    }

    @Test("20,000 messages one after the other")
    func many() async throws {
        try await Pipe.with([EchoService()]) { pipe in
            try await pipe.client.withStream(EchoService.path) { stream in
                let message = [UInt8](repeating: 5, count: 80)
                for _ in 0..<20_000 {
                    try await stream.send(message)
                    let answer = try await stream.next()
                    guard answer == message else { throw GRPCStatus(.dataLoss, "another answer") }
                }
                await stream.finish()
                #expect(try await stream.next() == nil)
            }
        }
    }

    @Test("16 MiB in messages of a MiB, in both directions at once")
    func large() async throws {
        try await Pipe.with([EchoService()], pieceSize: 256 << 10) { pipe in
            try await pipe.client.withStream(EchoService.path) { stream in
                async let sent: Void = {
                    for number in 0..<16 as Range<UInt8> {
                        try await stream.send([UInt8](repeating: number, count: 1 << 20))
                    }
                    await stream.finish()
                }()
                for number in 0..<16 as Range<UInt8> {
                    let message = try #require(try await stream.next())
                    #expect(message.count == 1 << 20)
                    #expect(message.first == number)
                    #expect(message.last == number)
                }
                #expect(try await stream.next() == nil)
                try await sent
            }
        }
    }

    @Test("many calls share a connection; those above the server's limit wait for others to end")
    func manyCalls() async throws {
        let service = EchoService()
        try await Pipe.with([service]) { pipe in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<400 as Range<Int> {
                    group.addTask {
                        let message = Array("\(number)".utf8)
                        let answer = try await pipe.client.unary(EchoService.path, message)
                        #expect(answer == message)
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(service.record.all.count { $0 == "closed" } == 400)
    }

    @Test("a unary call wants one answer, no more and no less")
    func unaryAnswers() async throws {
        try await Pipe.with([EchoService(), Farewell()]) { pipe in
            let error = await #expect(throws: GRPCStatus.self) { try await pipe.client.unary("/x", [1]) }
            #expect(error == GRPCStatus(.internalError, "the call has more than one answer"))
            let none = await #expect(throws: GRPCStatus.self) {
                try await pipe.client.unary(EchoService.path, [1], metadata: [.end: "0"])
            }
            #expect(none == GRPCStatus(.internalError, "the call ended without an answer"))
        }
    }
}
