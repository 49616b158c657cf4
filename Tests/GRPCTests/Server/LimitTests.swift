import GRPC
import HTTP
import TestSupport
import Testing
import Transport

@Suite("What a server takes of its clients", .timeLimit(.minutes(5)))
struct LimitTests {
    @Test("before a credential a message has 256 KiB and no byte more")
    func guestMessage() async throws {
        try await Pipe.with([EchoService()]) { pipe in
            let guest: HTTPFields = [.guest: "1", .size: "1"]
            let fitting = [UInt8](repeating: 1, count: 256 << 10)
            let answer = try await pipe.client.unary(EchoService.path, fitting, metadata: guest)
            #expect(answer == [7])
            let error = await #expect(throws: GRPCStatus.self) {
                try await pipe.client.unary(
                    EchoService.path, [UInt8](repeating: 1, count: 256 << 10 + 1), metadata: guest)
            }
            #expect(error == GRPCStatus(.resourceExhausted, "message larger than 262144 bytes"))
        }
    }

    @Test("with one it has 20 MiB and no byte more")
    func message() async throws {
        try await Pipe.with([EchoService()], pieceSize: 1 << 20) { pipe in
            let short: HTTPFields = [.size: "1"]
            let fitting = [UInt8](repeating: 1, count: 20 << 20)
            let answer = try await pipe.client.unary(EchoService.path, fitting, metadata: short)
            #expect(answer == [7])
            let error = await #expect(throws: GRPCStatus.self) {
                try await pipe.client.unary(
                    EchoService.path, [UInt8](repeating: 1, count: 20 << 20 + 1), metadata: short)
            }
            #expect(error == GRPCStatus(.resourceExhausted, "message larger than 20971520 bytes"))
            // The connection goes on.
            let another = try await pipe.client.unary(EchoService.path, [2])
            #expect(another == [2])
        }
    }

    @Test("a refusal needs no more than the length")
    func early() async throws {
        try await RawPipe.with([EchoService()]) { pipe in
            let answer = try await pipe.call(fields: [.guest: "1"], [.bytes([0, 0, 4, 0, 1])]).end()
            #expect(answer.grpcStatus == "8")
        }
    }

    @Test("a request without a credential has its time to come, one with has all the time")
    func patience() async throws {
        var limits = GRPCServerLimits()
        limits.guestPatience = 50
        let service = EchoService()
        try await RawPipe.with([service], limits: limits) { pipe in
            let known = try await pipe.call([.bytes([0, 0, 0, 0, 2, 1])])
            let guest = try await pipe.call(fields: [.guest: "1"], [.bytes([0, 0, 0, 0, 2, 1])]).end()
            #expect(guest.grpcStatus == "4")
            #expect(guest.grpcMessage == "the request did not come in time")
            try await Task.sleep(for: .milliseconds(100))
            #expect(await !known.answer().isOver)
            await known.then(.bytes([2]))
            await known.then(.end)
            #expect(await known.end().grpcStatus == "0")
        }
    }

    @Test("a guest's request that has come is answered in its own time")
    func slowAnswer() async throws {
        var limits = GRPCServerLimits()
        limits.guestPatience = 2000
        try await Pipe.with([SlowService()], limits: limits) { pipe in
            let answer = try await pipe.client.unary("/test.Slow/Once", [1])
            #expect(answer == [1])
        }
    }

    /// Answers after 2.3 s.
    private struct SlowService: GRPCService {
        func handler(for call: GRPCServerCall, on loop: isolated EventLoop) -> (any GRPCServerHandler)? {
            GRPCUnaryHandler { message in
                try await Task.sleep(for: .milliseconds(2300))
                return message
            }
        }
    }

    @Test("gRPC bodies before a secret: guests together hold no more than the budget, and give it back")
    func budget() async throws {
        var limits = GRPCServerLimits()
        limits.guestBudget = 10_000
        let router = GRPCRouter([EchoService()], limits: limits)
        try await RawPipe.with(router: router) { pipe in
            let part: [RawPipe.Step] = [.bytes([0, 0, 0, 0x40, 0] + [UInt8](repeating: 1, count: 3995))]
            let first = try await pipe.call(fields: [.guest: "1"], part)
            let second = try await pipe.call(fields: [.guest: "1"], part)
            #expect(await eventually { router.guestBytes == 8000 })
            // Within the budget still, then one byte more than it.
            let third = try await pipe.call(
                fields: [.guest: "1"], [.bytes([0, 0, 0, 0x40, 0] + [UInt8](repeating: 1, count: 1995))])
            #expect(await eventually { router.guestBytes == 10_000 })
            await third.then(.bytes([1]))
            let refused = await third.end()
            #expect(refused.grpcStatus == "8")
            #expect(refused.grpcMessage == "too many unfinished requests")
            #expect(await !first.answer().isOver)
            #expect(await !second.answer().isOver)
            #expect(router.guestBytes == 8000)
            await first.then(.reset(.cancel))
            #expect(await eventually { router.guestBytes == 4000 })
            // A call with a credential costs nothing of it.
            let known = try await pipe.call(part)
            await known.then(.bytes([UInt8](repeating: 1, count: 0x4000 - 3995)))
            await known.then(.end)
            #expect(await known.end().grpcStatus == "0")
            #expect(router.guestBytes == 4000)
        }
        #expect(await eventually { router.guestBytes == 0 })
    }

    @Test("messages that are held shut the client's window, and come when they are released")
    func hold() async throws {
        let service = HeldService()
        try await Pipe.with([service]) { pipe in
            let sent = Counter()
            try await pipe.client.withStream("/test.Held/Run") { stream in
                let sender = Task {
                    for _ in 0..<64 {
                        try await stream.send([UInt8](repeating: 1, count: 256 << 10))
                        sent.add()
                    }
                    await stream.finish()
                }
                #expect(await eventually { service.record.all == ["open"] && sent.value > 0 })
                try await Task.sleep(for: .milliseconds(200))
                #expect(sent.value < 16)
                #expect(service.record.all == ["open"])
                await service.release()
                try await sender.value
                #expect(await eventually { service.record.all.last == "end" })
                #expect(service.record.all.count { $0 == "message 262144" } == 64)
            }
        }
    }

    @Test("a client that takes no answers is not asked for more messages")
    func unreadAnswers() async throws {
        let service = EchoService()
        try await Pipe.with([service]) { pipe in
            try await pipe.client.withStream(EchoService.path) { stream in
                let sender = Task {
                    for _ in 0..<64 { try await stream.send([UInt8](repeating: 1, count: 256 << 10)) }
                    await stream.finish()
                }
                try await Task.sleep(for: .milliseconds(300))
                // The client's window of a MiB, what waits here, and the message that came over the mark.
                #expect(service.record.all.count { $0 == "message 262144" } < 16)
                for _ in 0..<64 { #expect(try await stream.next()?.count == 256 << 10) }
                #expect(try await stream.next() == nil)
                try await sender.value
            }
        }
        #expect(service.record.all.contains("writable"))
    }

    @Test("a client that never reads the end of its call loses the call")
    func unreadEnd() async throws {
        var limits = GRPCServerLimits()
        limits.endPatience = 50
        try await RawPipe.with([Flood()], limits: limits) { pipe in
            let call = try await pipe.call("/test.Flood/Run", [])
            await call.events.loop.run { [events = call.events] loop in events.get(on: loop).takesNothing = true }
            await call.then(.message([1]))
            let answer = await call.end()
            #expect(answer.failure == .reset(.cancel))
            #expect(answer.trailers == nil)
        }
    }

    /// Answers with more than any window holds, and ends.
    private struct Flood: GRPCService {
        func handler(for call: GRPCServerCall, on loop: isolated EventLoop) -> (any GRPCServerHandler)? { Handler() }

        private final class Handler: GRPCServerHandler {
            func received(_ message: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop) {
                for _ in 0..<8 { call.send([UInt8](repeating: 1, count: 1 << 20), on: loop) }
                call.finish(.ok, on: loop)
            }
            func receivedEnd(in call: GRPCServerCall, on loop: isolated EventLoop) {}
            func closed(_ call: GRPCServerCall, on loop: isolated EventLoop) {}
        }
    }
}
