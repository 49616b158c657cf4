import GRPC
import HTTP
import TestSupport
import Testing
import Transport

@Suite("The server's end of a call", .timeLimit(.minutes(5)))
struct ServerCallTests {
    @Test("an answer has its head, its messages and its status in trailers")
    func shape() async throws {
        try await RawPipe.with([EchoService()]) { pipe in
            let answer = try await pipe.call([.message([1, 2]), .message([]), .end]).end()
            #expect(answer.status == 200)
            #expect(answer.fields[.contentType] == "application/grpc")
            #expect(answer.body == [0, 0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 0])
            #expect(answer.trailers?.map { "\($0.name.canonicalName): \($0.value)" } == ["grpc-status: 0"])
        }
    }

    @Test("a refusal is a head alone, with the message coded")
    func trailersOnly() async throws {
        try await RawPipe.with([EchoService()]) { pipe in
            let answer = try await pipe.call(fields: [.end: "7"], [.message([]), .end]).end()
            #expect(answer.status == 200)
            #expect(answer.trailers == nil)
            #expect(answer.fields[.contentType] == "application/grpc")
            #expect(answer.grpcStatus == "7")
            #expect(answer.grpcMessage == "as asked: %C3%A4%25")
            #expect(answer.fields[.begin] == "ended")
        }
    }

    @Test("messages cut at every byte are understood")
    func bytewise() async throws {
        let service = EchoService()
        try await RawPipe.with([service]) { pipe in
            let call = try await pipe.call([])
            for byte in [0, 0, 0, 0, 2, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7] as [UInt8] {
                await call.then(.bytes([byte]))
            }
            await call.then(.end)
            #expect(await call.end().grpcStatus == "0")
        }
        #expect(service.record.all == ["open", "message 2", "message 0", "message 1", "end", "closed"])
    }

    @Test(
        "negative grpc-timeout: a malformed one is refused, whatever it is, and the server goes on",
        arguments: ["-1S", "", "S", "999999999S", "99999999999999999999999H", "1x", "1.5S", "+1S", "0x10S", "1S,2S"])
    func malformedTimeout(timeout: String) async throws {
        let service = EchoService()
        try await RawPipe.with([service]) { pipe in
            let answer = try await pipe.call(fields: [.grpcTimeout: timeout], [.message([1]), .end]).end()
            #expect(answer.status == 200)
            #expect(answer.grpcStatus == "3")
            #expect(answer.trailers == nil)
            #expect(service.record.all.isEmpty)
            #expect(try await pipe.call([.message([1]), .end]).end().grpcStatus == "0")
        }
    }

    @Test("grpc-timeout given twice is malformed")
    func doubleTimeout() async throws {
        try await RawPipe.with([EchoService()]) { pipe in
            var fields: HTTPFields = [.grpcTimeout: "10S"]
            fields.append(HTTPField(name: .grpcTimeout, value: "20S"))
            let answer = try await pipe.call(fields: fields, [.message([1]), .end]).end()
            #expect(answer.grpcStatus == "3")
        }
    }

    @Test("a call ends at its deadline", arguments: ["0n", "30m", "30000u"])
    func deadline(timeout: String) async throws {
        let service = EchoService()
        try await RawPipe.with([service]) { pipe in
            let answer = try await pipe.call(fields: [.grpcTimeout: timeout], [.message([1])]).end()
            #expect(answer.grpcStatus == "4")
        }
        #expect(service.record.all.last == "cancelled")
    }

    @Test("a deadline far away holds nobody up", arguments: ["99999999H", "10S"])
    func farDeadline(timeout: String) async throws {
        try await RawPipe.with([EchoService()]) { pipe in
            let answer = try await pipe.call(fields: [.grpcTimeout: timeout], [.message([1]), .end]).end()
            #expect(answer.grpcStatus == "0")
        }
    }

    @Test("other methods than POST are refused by HTTP, so are other encodings of messages")
    func refusedByHTTP() async throws {
        try await RawPipe.with([EchoService()]) { pipe in
            let get = try await pipe.call(method: .get, [.end]).end()
            #expect(get.status == 405)
            #expect(get.fields[.allow] == "POST")
            let json = try await pipe.call(contentType: "application/grpc+json", [.message([1]), .end]).end()
            #expect(json.status == 415)
        }
    }

    @Test("what is not gRPC's goes to the web", arguments: ["application/json", "application/grpc-web", "text/plain"])
    func web(contentType: String) async throws {
        try await RawPipe.with([EchoService()]) { pipe in
            let answer = try await pipe.call(contentType: contentType, [.bytes([1]), .end]).end()
            #expect(answer.status == 404)
        }
    }

    @Test("content types of gRPC are", arguments: ["application/grpc+proto", "application/grpc; charset=utf-8"])
    func contentTypes(contentType: String) async throws {
        try await RawPipe.with([EchoService()]) { pipe in
            let answer = try await pipe.call(contentType: contentType, [.message([1]), .end]).end()
            #expect(answer.grpcStatus == "0")
        }
    }

    @Test("a compressed message is unimplemented, and the client is told what is not")
    func compressed() async throws {
        let service = EchoService()
        try await RawPipe.with([service]) { pipe in
            let answer = try await pipe.call([.bytes([1, 0, 0, 0, 1, 7]), .end]).end()
            #expect(answer.grpcStatus == "12")
            #expect(answer.fields[HTTPField.Name(token: "grpc-accept-encoding")] == "identity")
            #expect(try await pipe.call([.bytes([2, 0, 0, 0, 1, 7]), .end]).end().grpcStatus == "13")
        }
        #expect(!service.record.all.contains("message 1"))
    }

    @Test("a request that ends within a message is a fault", arguments: 1..<7)
    func truncated(count: Int) async throws {
        let service = EchoService()
        try await RawPipe.with([service]) { pipe in
            let bytes = Array(([0, 0, 0, 0, 2, 1, 2] as [UInt8]).prefix(count))
            let answer = try await pipe.call([.bytes(bytes), .end]).end()
            #expect(answer.grpcStatus == "13")
        }
        #expect(service.record.all == ["open", "cancelled"])
    }

    @Test("a client that ends its side and resets the call at once is heard to the end")
    func endThenReset() async throws {
        let service = HeldService(isHeld: false)
        try await RawPipe.with([service]) { pipe in
            try await pipe.atOnce {
                let call = try await pipe.call([.message([1, 2, 3])])
                await call.then(.end)
                await call.then(.reset(.cancel))
            }
            #expect(await eventually { service.record.all == ["open", "message 3", "end", "cancelled"] })
        }
    }

    @Test("so is one whose messages were held meanwhile")
    func endThenResetWhileHeld() async throws {
        let service = HeldService()
        try await RawPipe.with([service]) { pipe in
            try await pipe.atOnce {
                let call = try await pipe.call([.message([1, 2, 3]), .message([4])])
                await call.then(.end)
                await call.then(.reset(.cancel))
            }
            #expect(await eventually { service.record.all == ["open"] })
            try await Task.sleep(for: .milliseconds(50))
            #expect(service.record.all == ["open"])
            await service.release()
            #expect(service.record.all == ["open", "message 3", "message 1", "end", "cancelled"])
        }
    }

    @Test("a call that was reset in the middle of its request is closed at once, held or not")
    func resetWhileHeld() async throws {
        let service = HeldService()
        try await RawPipe.with([service]) { pipe in
            let call = try await pipe.call([.message([1, 2, 3])])
            #expect(await eventually { service.record.all == ["open"] })
            await call.then(.reset(.cancel))
            #expect(await eventually { service.record.all == ["open", "cancelled"] })
            await service.release()
            #expect(service.record.all == ["open", "cancelled"])
        }
    }

    @Test("a call that is reset is closed as cancelled, and nothing follows")
    func reset() async throws {
        let service = EchoService()
        try await RawPipe.with([service]) { pipe in
            let call = try await pipe.call([.message([1])])
            #expect(await eventually { service.record.all.contains("message 1") })
            await call.then(.reset(.cancel))
            #expect(await eventually { service.record.all == ["open", "message 1", "cancelled"] })
        }
    }

    @Test("calls of a connection that is lost are closed")
    func lost() async throws {
        let service = EchoService()
        try await RawPipe.with([service]) { pipe in
            _ = try await pipe.call([.message([1])])
            #expect(await eventually { service.record.all.contains("message 1") })
            await pipe.close()
            #expect(await eventually { service.record.all.last == "cancelled" })
        }
    }
}

extension HTTPField.Name {
    static let grpcTimeout = Self(token: "grpc-timeout")
}
