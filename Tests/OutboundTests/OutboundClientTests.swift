import HTTP
import Synchronization
import TestSupport
import Testing
import Transport

@testable import Outbound

struct OutboundClientTests {
    private static let open = AddressGuard(allowing: [IPNetwork("127.0.0.0/8")!])

    /// Answers each request with these bytes; what came is kept.
    private final class Recorder: Sendable {
        let requests = Mutex<[String]>([])
        let answer: String
        init(_ answer: String) { self.answer = answer }

        func serve(_ stream: ByteStream) async throws {
            var text = ""
            while let more = try await stream.receive() {
                text += String(decoding: more, as: UTF8.self)
                if Self.isWhole(text) { break }
            }
            requests.withLock { [text] in $0.append(text) }
            try await stream.send(Array(answer.utf8))
        }

        private static func isWhole(_ text: String) -> Bool {
            let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return false }
            let length = parts[0].lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                .flatMap { Int($0.split(separator: " ")[1]) }
            return parts[1].utf8.count >= length ?? 0
        }
    }

    private static func answer(_ status: String = "200 OK", _ fields: String = "", body: String = "hello") -> String {
        "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\(fields)\r\n\(body)"
    }

    @Test("method, headers and body arrive, status and body come back; the name is pinned to its address")
    func exchange() async throws {
        let recorder = Recorder(Self.answer("201 Created", "Content-Type: text/x\r\n"))
        try await LocalService.with(recorder.serve) { port in
            let client = OutboundClient(guard: Self.open) { (host, port, _) async throws(OutboundError) in
                #expect(host == "hook.example")
                return [SocketAddress("127.0.0.1", port: port)!]
            }
            let answer = try await client.send(
                .init(
                    .put, url: "http://hook.example:\(port)/path?q=1#part", headers: [.contentType: "application/json"],
                    body: Array("{}".utf8)))
            #expect(answer.status == 201)
            #expect(answer.contentType == "text/x")
            #expect(String(decoding: answer.body, as: UTF8.self) == "hello")
            #expect(!answer.isTruncated)
            let request = try #require(recorder.requests.withLock { $0.first })
            #expect(request.hasPrefix("PUT /path?q=1 HTTP/1.1\r\nHost: hook.example:\(port)\r\n"))
            #expect(request.contains("Content-Type: application/json\r\n"))
            #expect(request.hasSuffix("\r\n\r\n{}"))
        }
    }

    @Test("a GET sends no body and no type, an empty body is one of no bytes")
    func bodies() async throws {
        let recorder = Recorder(Self.answer())
        try await LocalService.with(recorder.serve) { port in
            let client = OutboundClient(guard: Self.open)
            _ = try await client.send(.init(.get, url: "http://127.0.0.1:\(port)/"))
            _ = try await client.send(.init(.post, url: "http://127.0.0.1:\(port)/", body: []))
            let requests = recorder.requests.withLock { $0.map { $0.lowercased() } }
            #expect(!requests[0].contains("content-"))
            #expect(requests[1].contains("content-length: 0\r\n"))
            #expect(!requests[1].contains("content-type"))
        }
    }

    @Test("SSRF: nothing is sent to an address that is not public, however it is written")
    func refused() async throws {
        let recorder = Recorder(Self.answer())
        try await LocalService.with(recorder.serve) { port in
            let client = OutboundClient(guard: AddressGuard())
            for host in [
                "127.0.0.1", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "127.1", "localhost", "[::1]",
                "[::ffff:127.0.0.1]",
            ] {
                await #expect(throws: OutboundError.targetNotAllowed, "\(host)") {
                    try await client.send(.init(.get, url: "http://\(host):\(port)/"))
                }
            }
            #expect(recorder.requests.withLock { $0.isEmpty })
        }
    }

    @Test("SSRF: one address of several that is not public refuses them all")
    func severalAddresses() async throws {
        let client = OutboundClient(guard: AddressGuard()) { (_, port, _) async throws(OutboundError) in
            [SocketAddress("9.9.9.9", port: port)!, SocketAddress("10.0.0.1", port: port)!]
        }
        await #expect(throws: OutboundError.targetNotAllowed) {
            try await client.send(.init(.get, url: "http://several.example/"))
        }
    }

    @Test("SSRF: a name that would resolve to something else by the time of the connection is not looked up again")
    func rebinding() async throws {
        let recorder = Recorder(Self.answer())
        try await LocalService.with(recorder.serve) { port in
            // "localhost" is 127.0.0.1 to the system; the guard was told of another address, where nobody listens.
            let lookups = Mutex(0)
            let client = OutboundClient(guard: Self.open) { (_, port, _) async throws(OutboundError) in
                lookups.withLock { $0 += 1 }
                return [SocketAddress("127.9.9.9", port: port)!]
            }
            for host in ["localhost", "localhost.", "LOCALHOST"] {
                await #expect(throws: OutboundError.self, "\(host)") {
                    try await client.send(.init(.get, url: "http://\(host):\(port)/"))
                }
            }
            #expect(lookups.withLock { $0 } == 3)
            #expect(recorder.requests.withLock { $0.isEmpty })
        }
    }

    @Test("SSRF: a redirect is an answer, and is not followed")
    func redirect() async throws {
        let target = Recorder(Self.answer())
        try await LocalService.with(target.serve) { targetPort in
            let recorder = Recorder(Self.answer("302 Found", "Location: http://127.0.0.1:\(targetPort)/\r\n"))
            try await LocalService.with(recorder.serve) { port in
                let answer = try await OutboundClient(guard: Self.open)
                    .send(.init(.get, url: "http://127.0.0.1:\(port)/"))
                #expect(answer.status == 302)
                #expect(target.requests.withLock { $0.isEmpty })
            }
        }
    }

    @Test("a body as long as the limit is whole, one byte more is cut and the rest not waited for")
    func bodyLimit() async throws {
        let recorder = Recorder(Self.answer(body: "12345"))
        try await LocalService.with(recorder.serve) { port in
            let client = OutboundClient(guard: Self.open)
            var request = OutboundClient.Request(.get, url: "http://127.0.0.1:\(port)/")
            request.limits.bodyBytes = 5
            #expect(try await client.send(request).isTruncated == false)
            request.limits.bodyBytes = 4
            let cut = try await client.send(request)
            #expect(cut.isTruncated)
            #expect(cut.status == 200)
            #expect(cut.body == Array("1234".utf8))
        }
        try await LocalService.with({ stream in
            _ = try await stream.receive()
            try await stream.send(Array("HTTP/1.1 200 OK\r\n\r\n".utf8))
            while true { try await stream.send([UInt8](repeating: 0, count: 1 << 16)) }
        }) { port in
            let endless = try await OutboundClient(guard: Self.open)
                .send(.init(.get, url: "http://127.0.0.1:\(port)/", limits: .init(bodyBytes: 1000)))
            #expect(endless.isTruncated)
            #expect(endless.body.count == 1000)
        }
    }

    @Test("a target that says nothing costs its time limit, and no other request waits for it")
    func slow() async throws {
        try await LocalService.with({ stream in while try await stream.receive() != nil {} }) { silent in
            let recorder = Recorder(Self.answer())
            try await LocalService.with(recorder.serve) { port in
                let client = OutboundClient(guard: Self.open)
                let start = ContinuousClock.now
                let isOver = Latch()
                let late = Task { () async throws(OutboundError) in
                    defer { isOver.open() }
                    return try await client.send(
                        .init(.get, url: "http://127.0.0.1:\(silent)/", limits: .init(whole: .seconds(5))))
                }
                _ = try await client.send(.init(.get, url: "http://127.0.0.1:\(port)/"))
                #expect(!isOver.isOpen)
                await #expect(throws: OutboundError.timeout) { try await late.value }
                // Without the limit it would be half a minute.
                #expect(ContinuousClock.now - start < .seconds(20))
            }
        }
    }

    @Test("a cancelled task stops waiting, and its connection is closed")
    func cancelled() async throws {
        let (opened, closed) = (Latch(), Latch())
        try await LocalService.with({ stream in
            while try await stream.receive() != nil { opened.open() }
            closed.open()
        }) { silent in
            let task = Task { () async throws(OutboundError) in
                try await OutboundClient(guard: Self.open).send(.init(.get, url: "http://127.0.0.1:\(silent)/"))
            }
            try await opened.wait()
            task.cancel()
            await #expect(throws: OutboundError.cancelled) { try await task.value }
            try await closed.wait()
        }
    }

    @Test("values with line breaks add no field")
    func splitting() async throws {
        let recorder = Recorder(Self.answer())
        try await LocalService.with(recorder.serve) { port in
            var request = OutboundClient.Request(.get, url: "http://127.0.0.1:\(port)/")
            request.headers = [.accept: "a\r\nX-Evil: 1"]
            _ = try await OutboundClient(guard: Self.open).send(request)
            #expect(recorder.requests.withLock { !$0[0].contains("\r\nX-Evil") })
        }
    }

    @Test("fields that say where a message goes and where it ends are ours")
    func framing() async throws {
        let recorder = Recorder(Self.answer())
        try await LocalService.with(recorder.serve) { port in
            var request = OutboundClient.Request(.post, url: "http://127.0.0.1:\(port)/", body: Array("body".utf8))
            request.headers = [
                .host: "other.example", .contentLength: "0", .transferEncoding: "chunked", .connection: "keep-alive",
                .expect: "100-continue", .contentType: "text/plain",
            ]
            _ = try await OutboundClient(guard: Self.open).send(request)
            let sent = recorder.requests.withLock { $0[0].lowercased() }
            #expect(sent.contains("\r\nhost: 127.0.0.1:\(port)\r\n"))
            #expect(sent.contains("\r\ncontent-length: 4\r\n"))
            #expect(sent.contains("\r\ncontent-type: text/plain\r\n"))
            for other in ["other.example", "content-length: 0", "chunked", "keep-alive", "100-continue"] {
                #expect(!sent.contains(other), "\(other)")
            }
        }
    }

    @Test("what nobody answers is an error without the URL in it")
    func errors() async throws {
        let client = OutboundClient(guard: Self.open)
        let secret = "keyInTheURL"
        do {
            _ = try await client.send(.init(.get, url: "http://127.0.0.1:1/\(secret)"))
            Issue.record("somebody listens on port 1")
        } catch {
            #expect(!error.description.contains(secret))
        }
    }
}
