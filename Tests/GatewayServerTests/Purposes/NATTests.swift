import AgentLink
import Synchronization
import TestSupport
import Testing
import Transport

/// Purpose NAT (`agent-link.md` 3): raw bytes between a user of the gateway and a TCP service that the agent reaches,
/// with the built `nezha-agent`.
@Suite("Purpose NAT, with nezha-agent", .timeLimit(.minutes(5)))
struct NATTests {
    private static let request = Array("GET /page HTTP/1.1\r\nHost: tunnel.test\r\nConnection: close\r\n\r\n".utf8)

    /// Everything until the agent ends the stream.
    private static func rest(of stream: any AgentStream) async throws -> [UInt8] {
        var all: [UInt8] = []
        while let frame = try await stream.receive() { all += frame }
        return all
    }

    /// Reads a request head, answers with a page and closes.
    private static func page(_ body: [UInt8]) -> LocalService.Serve {
        { service in
            var head = ""
            while let bytes = try await service.receive() {
                head += String(decoding: bytes, as: UTF8.self)
                if head.hasSuffix("\r\n\r\n") { break }
            }
            guard head.hasPrefix("GET /page HTTP/1.1\r\n") else { return }
            try await service.send(Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8))
            try await service.send(body)
        }
    }

    @Test("an HTTP request reaches a local service as it was written; its close ends the stream after the last byte")
    func page() async throws {
        let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try await LocalService.with(Self.page(body)) { port in
            try await LinkedAgent.with { agent in
                let stream = try await agent.tunnel(to: port)
                // In pieces that split the head, as a slow browser sends it.
                for piece in [Self.request.prefix(7), Self.request.dropFirst(7)] { try await stream.send(Array(piece)) }
                var answer: [UInt8] = []
                while let frame = try await stream.receive() {
                    #expect(frame.count <= 10_240)
                    answer += frame
                }
                #expect(answer == Array("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n".utf8) + body)
                await #expect(throws: AgentCallError.self) { try await stream.send([1]) }
                await stream.close()
            }
        }
    }

    @Test("large bodies pass in both directions at once")
    func duplex() async throws {
        let echo: LocalService.Serve = { service in
            while let bytes = try await service.receive() { try await service.send(bytes) }
        }
        let size = 8 << 20
        try await LocalService.with(echo) { port in
            try await LinkedAgent.with { agent in
                let stream = try await agent.tunnel(to: port)
                async let sending: Void = {
                    for start in stride(from: 0, to: size, by: 1 << 16) {
                        try await stream.send((start..<start + 1 << 16).map { UInt8(truncatingIfNeeded: $0 / 251) })
                    }
                }()
                var count = 0
                while count < size, let frame = try await stream.receive() {
                    let isRight = frame.enumerated().allSatisfy { place, byte in
                        byte == UInt8(truncatingIfNeeded: (count + place) / 251)
                    }
                    #expect(isRight, "at byte \(count)")
                    count += frame.count
                }
                try await sending
                #expect(count == size)
                await stream.close()
            }
        }
    }

    @Test("Unbounded streams: a user who does not read holds the service back, and nobody else")
    func backPressure() async throws {
        let size = 96 << 20
        let written = Mutex(0)
        let flood: LocalService.Serve = { service in
            for _ in 0..<size >> 16 {
                try await service.send([UInt8](repeating: 7, count: 1 << 16))
                written.withLock { $0 += 1 << 16 }
            }
        }
        try await LocalService.with(flood) { port in
            try await LocalService.with(Self.page([1])) { other in
                try await LinkedAgent.with { agent in
                    let stream = try await agent.tunnel(to: port)
                    var last = -1
                    #expect(
                        await eventually(within: .seconds(60)) {
                            let now = written.withLock { $0 }
                            defer { last = now }
                            try? await Task.sleep(for: .milliseconds(700))
                            return now == last && now > 0
                        })
                    // The queues of both programs and what the kernel buffers.
                    #expect(written.withLock { $0 } < size / 2)
                    let second = try await agent.tunnel(to: other)
                    try await second.send(Self.request)
                    #expect(try await Self.rest(of: second).last == 1)
                    await second.close()
                    let all = try await Self.rest(of: stream)
                    #expect(all.count == size)
                    #expect(all.allSatisfy { $0 == 7 })
                    await stream.close()
                }
            }
        }
    }

    @Test("a service that waits for more learns at once that the user has closed")
    func userCloses() async throws {
        let seen = Mutex<[UInt8]?>(nil)
        let listen: LocalService.Serve = { service in
            var all: [UInt8] = []
            do {
                while let bytes = try await service.receive() {
                    all += bytes
                    try await service.send(Array("ok".utf8))
                }
            } catch {}
            seen.withLock { $0 = all }
        }
        try await LocalService.with(listen) { port in
            try await LinkedAgent.with { agent in
                let stream = try await agent.tunnel(to: port)
                try await stream.send(Array("half a request".utf8))
                #expect(try await stream.receive() == Array("ok".utf8))
                await stream.close()
                #expect(await eventually { seen.withLock { $0 } == Array("half a request".utf8) })
            }
        }
    }

    @Test("a port that nobody listens on ends the stream without a byte; the agent goes on")
    func refused() async throws {
        try await LinkedAgent.with { agent in
            do {
                let stream = try await agent.tunnel(to: 1)
                #expect(try await Self.rest(of: stream).isEmpty)
                await stream.close()
            } catch is AgentCallError {
                // As good: the agent was gone before the user's side took the stream.
            }
            let reply = try await agent.link.call(.exec, body: #"{"cmd":"true"}"#, timeout: .seconds(20))
            #expect(reply.successful)
            #expect(agent.attachments.count == 1)
        }
    }

    @Test("disable_nat: nothing comes, and the opener is told after its time")
    func disabled() async throws {
        try await LinkedAgent.with("disable_nat: true") { agent in
            await #expect(throws: AgentCallError.notAttached(seconds: 1)) {
                _ = try await agent.tunnel(to: 1, attachTimeout: .seconds(1))
            }
            #expect(agent.directory.counters.snapshot.refusedAttachments == 0)
        }
    }

    @Test("three hundred short tunnels in a row cost the agent nothing, whoever ends them", arguments: [true, false])
    func many(serviceEnds: Bool) async throws {
        let serve: LocalService.Serve = { service in
            while try await service.receive() != nil {
                try await service.send(Array("answer".utf8))
                if serviceEnds { break }
            }
        }
        try await LocalService.with(serve) { port in
            try await LinkedAgent.with { agent in
                for number in 0..<300 {
                    let stream = try await agent.tunnel(to: port)
                    try await stream.send(Self.request)
                    #expect(try await stream.receive() == Array("answer".utf8), "tunnel \(number)")
                    if serviceEnds { #expect(try await stream.receive() == nil) }
                    await stream.close()
                }
                let reply = try await agent.link.call(.exec, body: #"{"cmd":"true"}"#, timeout: .seconds(20))
                #expect(reply.successful)
                #expect(agent.attachments.count == 1)
            }
        }
    }
}
