import GRPC
import HTTP
import TestSupport
import Testing
import Transport

@Suite("Calls of one message and one answer", .timeLimit(.minutes(5)))
struct UnaryHandlerTests {
    /// Admits who shows `secret: open`; its answer depends on the message.
    private struct Service: GRPCService {
        struct Broken: Error {}

        let record = EchoRecord()

        func handler(for call: GRPCServerCall, on loop: isolated EventLoop) -> (any GRPCServerHandler)? {
            guard call.path.utf8.elementsEqual("/test.Once/Ask".utf8) else { return nil }
            let secret = call.metadata[.secret]
            return GRPCUnaryHandler(call, on: loop) { [record] in
                try await Task.sleep(for: .milliseconds(20))
                record.note("admit")
                guard secret == "open" else { throw GRPCStatus(.unauthenticated, "who are you?") }
                return "friend"
            } owner: { _ in
                .agent(1)
            } answer: { [record] caller, message in
                switch message.first {
                case 0: throw GRPCStatus(.notFound, "no \(caller)")
                case 1: throw Broken()
                case 2:
                    record.note("waiting")
                    do { try await Task.sleep(for: .seconds(60)) } catch { record.note("given up") }
                    return []
                default:
                    record.note("answer")
                    return message + Array(caller.utf8)
                }
            }
        }
    }

    private let path = "/test.Once/Ask"
    private let open: HTTPFields = [.secret: "open"]

    @Test("the caller is known when the message is answered")
    func answer() async throws {
        let service = Service()
        try await Pipe.with([service]) { pipe in
            let large = [UInt8](repeating: 9, count: 1 << 20)
            let answer = try await pipe.client.unary(path, large, metadata: open)
            #expect(answer == large + Array("friend".utf8))
        }
        #expect(service.record.all == ["admit", "answer"])
    }

    @Test("who is refused is not heard")
    func refused() async throws {
        let service = Service()
        try await Pipe.with([service]) { pipe in
            let error = await #expect(throws: GRPCStatus.self) { try await pipe.client.unary(path, [9]) }
            #expect(error == GRPCStatus(.unauthenticated, "who are you?"))
        }
        #expect(service.record.all == ["admit"])
    }

    @Test("an error with a status is that status, every other says nothing of itself")
    func errors() async throws {
        try await Pipe.with([Service()]) { pipe in
            let known = await #expect(throws: GRPCStatus.self) {
                try await pipe.client.unary(path, [0], metadata: open)
            }
            #expect(known == GRPCStatus(.notFound, "no friend"))
            let unknown = await #expect(throws: GRPCStatus.self) {
                try await pipe.client.unary(path, [1], metadata: open)
            }
            #expect(unknown == GRPCStatus(.unknown, "the call failed"))
        }
    }

    @Test("no message and two messages are faults", arguments: [0, 2])
    func cardinality(count: Int) async throws {
        try await RawPipe.with([Service()]) { pipe in
            let messages = [RawPipe.Step](repeating: .message([9]), count: count)
            let answer = try await pipe.call(path, fields: open, messages + [.end]).end()
            #expect(answer.grpcStatus == "13")
        }
    }

    @Test("a client that goes away cancels the answer")
    func cancelled() async throws {
        let service = Service()
        try await RawPipe.with([service]) { pipe in
            let call = try await pipe.call(path, fields: open, [.message([2])])
            await call.then(.end)
            #expect(await eventually { service.record.all.contains("waiting") })
            await call.then(.reset(.cancel))
            #expect(await eventually { service.record.all == ["admit", "waiting", "given up"] })
        }
    }

    @Test("so does a deadline")
    func deadline() async throws {
        let service = Service()
        try await RawPipe.with([service]) { pipe in
            let fields: HTTPFields = [.secret: "open", .grpcTimeout: "1500m"]
            let answer = try await pipe.call(path, fields: fields, [.message([2]), .end]).end()
            #expect(answer.grpcStatus == "4")
            #expect(await eventually { service.record.all == ["admit", "waiting", "given up"] })
        }
    }
}

extension HTTPField.Name {
    static let secret = Self(token: "secret")
}
