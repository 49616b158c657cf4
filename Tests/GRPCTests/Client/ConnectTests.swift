import GRPC
import HTTP
import TestSupport
import Testing
import Transport

@Suite("Connecting", .timeLimit(.minutes(5)))
struct ConnectTests {
    @Test("calls go over a socket, and the service sees the client's address", arguments: ["127.0.0.1", "localhost"])
    func plaintext(host: String) async throws {
        try await GRPCTestServer.with([AddressService()]) { server in
            let client = try await server.connect(host: host)
            let answer = try await client.unary("/test.Address/Tell", [], timeout: .seconds(10))
            #expect(String(decoding: answer, as: UTF8.self) == "127.0.0.1 false")
            await client.close()
        }
    }

    @Test("over TLS, too; the server's certificate is looked at")
    func tls() async throws {
        let files = try CertificateFiles()
        defer { files.remove() }
        let context = try TLSContext.server(
            certificatePath: files.certificate, keyPath: files.key, protocols: ["http/1.1", "h2"])
        try await GRPCTestServer.with([AddressService(), EchoService()], tls: context) { server in
            let trusting = try GRPCClient.tls(trust: .file(files.certificate))
            let client = try await server.connect(host: "localhost", tls: trusting)
            let answer = try await client.unary("/test.Address/Tell", [], timeout: .seconds(10))
            #expect(String(decoding: answer, as: UTF8.self) == "127.0.0.1 true")
            let large = [UInt8](repeating: 3, count: 4 << 20)
            let echo = try await client.unary(EchoService.path, large)
            #expect(echo == large)
            await client.close()
            // The name is another, the issuer nobody's.
            let foreign = await #expect(throws: GRPCStatus.self) {
                try await server.connect(host: "127.0.0.1", tls: trusting)
            }
            #expect(foreign?.code == .unavailable)
            let strict = try GRPCClient.tls(trust: .system)
            let unknown = await #expect(throws: GRPCStatus.self) {
                try await server.connect(host: "localhost", tls: strict)
            }
            #expect(unknown?.code == .unavailable)
            #expect(unknown?.cause?.isEmpty == false)
            // Unless nothing is checked.
            let blind = try await server.connect(tls: try GRPCClient.tls(trust: .everybody))
            _ = try await blind.unary("/test.Address/Tell", [], timeout: .seconds(10))
            await blind.close()
        }
    }

    @Test("TLS at a port without it, and the other way round, is unavailable")
    func mismatch() async throws {
        try await GRPCTestServer.with([EchoService()]) { server in
            let error = await #expect(throws: GRPCStatus.self) {
                try await server.connect(tls: try GRPCClient.tls(trust: .everybody))
            }
            #expect(error?.code == .unavailable)
        }
    }

    @Test("nobody there: the cause is told")
    func refused() async throws {
        let port = try await GRPCTestServer.with([]) { $0.port }
        let error = await #expect(throws: GRPCStatus.self) {
            try await GRPCClient.connect(
                host: "127.0.0.1", port: port, options: GRPCClient.Options(userAgent: "tests/1"),
                on: EventLoopGroup.shared.next())
        }
        #expect(error?.code == .unavailable)
        #expect(error?.message == "cannot connect")
        #expect(error?.cause?.contains("refused") == true)
    }

    @Test("a server that says nothing, or speaks something else, is given up")
    func noHTTP2() async throws {
        for (greeting, cause) in [("", "timeout"), ("HTTP/1.1 400 Bad Request\r\n\r\n", "no HTTP/2")] {
            let listener = try await Listener.listen(
                host: "127.0.0.1", port: 0, logger: quiet
            ) { transport, _, loop in
                transport.send(Array(greeting.utf8), on: loop)
                return Mute()
            }
            var options = GRPCClient.Options(userAgent: "tests/1")
            options.connectTimeout = .milliseconds(greeting.isEmpty ? 100 : 5000)
            let error = await #expect(throws: GRPCStatus.self) {
                try await GRPCClient.connect(
                    host: "127.0.0.1", port: listener.address.port, options: options, on: EventLoopGroup.shared.next())
            }
            #expect(error?.code == .unavailable)
            #expect(error?.cause?.contains(cause) == true, "\(String(describing: error))")
            await listener.stop()
        }
    }

    @Test("connecting can be cancelled")
    func cancelled() async throws {
        let listener = try await Listener.listen(
            host: "127.0.0.1", port: 0, logger: quiet
        ) { _, _, _ in Mute() }
        let task = Task {
            try await GRPCClient.connect(
                host: "127.0.0.1", port: listener.address.port, options: GRPCClient.Options(userAgent: "tests/1"),
                on: EventLoopGroup.shared.next())
        }
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        let error = await #expect(throws: GRPCStatus.self) { try await task.value }
        #expect(error?.code == .cancelled)
        await listener.stop()
    }

    /// Takes all and says nothing.
    private final class Mute: ByteProtocol {
        func received(_ bytes: Span<UInt8>, on loop: isolated EventLoop) {}
        func receivedEnd(on loop: isolated EventLoop) {}
        func writable(on loop: isolated EventLoop) {}
        func closed(on loop: isolated EventLoop) {}
    }

    @Test("20,000 messages over a socket, and 32 MiB in both directions")
    func work() async throws {
        try await GRPCTestServer.with([EchoService()]) { server in
            let client = try await server.connect()
            try await client.withStream(EchoService.path) { stream in
                for _ in 0..<20_000 {
                    try await stream.send([1, 2, 3])
                    guard try await stream.next() == [1, 2, 3] else { throw GRPCStatus(.dataLoss) }
                }
                async let sent: Void = {
                    for number in 0..<32 as Range<UInt8> {
                        try await stream.send([UInt8](repeating: number, count: 1 << 20))
                    }
                    await stream.finish()
                }()
                for number in 0..<32 as Range<UInt8> {
                    let message = try #require(try await stream.next())
                    guard message == [UInt8](repeating: number, count: 1 << 20) else { throw GRPCStatus(.dataLoss) }
                }
                let end = try await stream.next()
                #expect(end == nil)
                try await sent
            }
            await client.close()
        }
    }
}

/// Tells who calls.
struct AddressService: GRPCService {
    func handler(for call: GRPCServerCall, on loop: isolated EventLoop) -> (any GRPCServerHandler)? {
        guard call.path.utf8.elementsEqual("/test.Address/Tell".utf8) else { return nil }
        let text = "\(call.peer ?? "nobody") \(call.isSecure)"
        return GRPCUnaryHandler { _ in Array(text.utf8) }
    }
}
