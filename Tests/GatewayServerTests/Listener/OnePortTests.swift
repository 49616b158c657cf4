import Foundation
import GRPC
import HTTP
import TestSupport
import Testing
import Transport

@testable import GatewayServer

@Suite("One port for everything", .timeLimit(.minutes(5)))
struct OnePortTests {
    private static let mirror: HTTPEntry = { request in
        let body = (try? await request.body.collect(upTo: 1 << 20)) ?? []
        let text = "\(request.head.method) \(request.head.path ?? "-") \(request.head.authority ?? "-") "
        return .text(.ok, text + String(decoding: body, as: UTF8.self))
    }

    @Test("web requests over HTTP/2, web requests over HTTP/1.1 and calls have the same port")
    func http2() async throws {
        try await RunningGateway.with(services: [EchoService()], http: Self.mirror) { gateway in
            try await WebClient.with(port: gateway.port) { client in
                #expect(try await client.request("/a") == .init(status: 200, text: "GET /a gateway.test "))
                let posted = try await client.request(
                    "/mcp", method: .post, [.contentType: "application/json"], body: Array("{}".utf8))
                #expect(posted == .init(status: 200, text: "POST /mcp gateway.test {}"))
                // A path of the service is no call without gRPC's content type.
                let plain = try await client.request(EchoService.path, method: .post, [:], body: [])
                #expect(plain == .init(status: 200, text: "POST \(EchoService.path) gateway.test "))
            }
            #expect(try await withEchoClient(port: gateway.port) { try await $0.echo(["x"]) } == ["127.0.0.1 x"])
            try await RawConnection.with(port: gateway.port) { connection in
                try await connection.send(get("/b", "Connection: close"))
                #expect(try await connection.receiveAll().hasSuffix("GET /b gateway.test "))
            }
        }
    }

    @Test(
        "a deadline that is none is refused with a word, and nothing stops",
        arguments: ["-1S", "", "1", "S", "1X", "999999999S", "99999999999999999999S", "1.5S", "+1S", "1S, 1S"])
    func timeouts(text: String) async throws {
        try await RunningGateway.with(services: [EchoService()]) { gateway in
            try await withEchoClient(port: gateway.port) { client in
                let error = await #expect(throws: GRPCStatus.self) {
                    _ = try await client.echo(["a"], metadata: [.secret: "shown", .grpcTimeout: text])
                }
                #expect(error?.code == .invalidArgument)
                // The connection goes on, and so do odd deadlines that are some.
                for good in ["99999999H", "00000001M", "99999999u"] {
                    let heard = try await client.echo(["b"], metadata: [.secret: "shown", .grpcTimeout: good])
                    #expect(heard == ["127.0.0.1 b"])
                }
            }
        }
    }

    @Test("a stop answers what is in hand, over HTTP/1.1 and HTTP/2, which hears of it before")
    func stop() async throws {
        let (release, notified) = (Latch(), Latch())
        let begun = [Latch(), Latch()]
        let entry: HTTPEntry = { request in
            begun[request.head.path == "/2" ? 1 : 0].open()
            try? await release.wait()
            return .text(.ok, "late")
        }
        try await RunningGateway.with(services: [EchoService()], onShutdown: { notified.open() }, http: entry) {
            gateway in
            try await WebClient.with(port: gateway.port) { client in
                async let answer = client.request("/2")
                try await RawConnection.with(port: gateway.port) { connection in
                    try await connection.send(get("/1"))
                    for latch in begun { try await latch.wait() }
                    await gateway.beginShutdown()
                    try await notified.wait()
                    try await client.goesAway.wait()
                    await #expect(throws: ConnectError.self) {
                        try await RawConnection.with(port: gateway.port) { _ in }
                    }
                    release.open()
                    #expect(try await connection.receiveAll().hasSuffix("late"))
                }
                #expect(try await answer == .init(status: 200, text: "late"))
                try await client.isClosed.wait()
                await gateway.end()
            }
        }
    }

    @Test("two hundred connects and drops a second leave no descriptor behind")
    func churn() async throws {
        try await RunningGateway.with(services: [EchoService()]) { gateway in
            let before = try Self.descriptors()
            let clock = ContinuousClock()
            let start = clock.now
            for number in 0..<600 {
                try await RawConnection.with(port: gateway.port) { connection in
                    switch number % 6 {
                    case 0: break
                    case 1: await connection.reset()
                    case 2: try await connection.send("GET / HT")
                    case 3: try await connection.send(HTTP2Wire.preface)
                    case 4: try await connection.send(HTTP2Wire.preface + HTTP2Wire.request(1))
                    default:
                        try await connection.send(get("/"))
                        _ = try await connection.receive(through: "hello")
                    }
                }
                try await clock.sleep(until: start + .milliseconds(5) * number)
            }
            // Tests that run beside this one have some, too.
            #expect(await eventually { ((try? Self.descriptors()) ?? .max) < before + 100 })
        }
    }

    private static func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }
}
