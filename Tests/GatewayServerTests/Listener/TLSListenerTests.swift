import Foundation
import GRPC
import HTTP
import TestSupport
import Testing
import Transport

@testable import GatewayServer

@Suite("The TLS port")
struct TLSListenerTests {
    /// A certificate for this test alone, made by openssl; its folder goes with it.
    private struct Certificate {
        let folder: URL
        var certificate: String { folder.appending(path: "cert.pem").path() }
        var key: String { folder.appending(path: "key.pem").path() }

        static func make() throws -> Certificate {
            let folder = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let made = Certificate(folder: folder)
            // Not Foundation's Process: under load it has been seen to miss the end of its child and wait for ever.
            let command = """
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
                -subj /CN=gateway.test -addext subjectAltName=DNS:gateway.test,IP:127.0.0.1 \
                -out '\(made.certificate)' -keyout '\(made.key)' >/dev/null 2>&1
                """
            try #require(system(command) == 0)
            return made
        }

        func remove() { try? FileManager.default.removeItem(at: folder) }

        /// A client that trusts this certificate, and no other.
        func client(_ protocols: String...) throws -> TLSContext {
            try .client(trust: .file(certificate), protocols: protocols)
        }

        var listener: ListenerConfiguration.TLS {
            ListenerConfiguration.TLS(port: 0, certificatePath: certificate, keyPath: key)
        }
    }

    private static let tellScheme: HTTPEntry = { request in
        .text(.ok, "\(request.head.scheme ?? "-") \(request.isSecure) \(request.head.path ?? "")|")
    }

    @Test(
        "HTTP/1.1 is served to whoever offers it, or offers nothing",
        arguments: [["h2", "http/1.1"], ["http/1.1"], []])
    func http(alpn: [String]) async throws {
        let certificate = try Certificate.make()
        defer { certificate.remove() }
        try await RunningGateway.with(tls: certificate.listener, http: Self.tellScheme) { gateway in
            let port = try #require(gateway.address.tlsPort)
            let tls = try TLSContext.client(trust: .file(certificate.certificate), protocols: alpn)
            try await RawConnection.with(port: port, tls: tls) { connection in
                #expect(connection.applicationProtocol == (alpn.isEmpty ? nil : "http/1.1"))
                for path in ["/1", "/2"] {
                    try await connection.send(get(path))
                    #expect(try await connection.receive(through: "|").hasSuffix("https true \(path)|"))
                }
                try await connection.send(get("/3", "Connection: close"))
                #expect(try await connection.receiveAll().hasSuffix("https true /3|"))
            }
        }
    }

    @Test("web requests over HTTP/2 are served to whoever offers h2 alone")
    func http2() async throws {
        let certificate = try Certificate.make()
        defer { certificate.remove() }
        try await RunningGateway.with(tls: certificate.listener, http: Self.tellScheme) { gateway in
            let port = try #require(gateway.address.tlsPort)
            try await RawConnection.with(port: port, tls: certificate.client("h2")) { connection in
                #expect(connection.applicationProtocol == "h2")
            }
            try await WebClient.with(port: port, tls: certificate.client("h2")) { client in
                let answer = try await client.request("/1")
                #expect(answer.status == 200)
                #expect(answer.text.hasSuffix(" true /1|"))
            }
        }
    }

    @Test("gRPC is served to whoever offers h2 alone, beside the cleartext port")
    func grpc() async throws {
        let certificate = try Certificate.make()
        defer { certificate.remove() }
        try await RunningGateway.with(tls: certificate.listener, services: [EchoService()]) { gateway in
            let port = try #require(gateway.address.tlsPort)
            let tls = try GRPCClient.tls(trust: .file(certificate.certificate))
            for (port, tls) in [(port, tls), (gateway.port, nil)] {
                let answers = try await withEchoClient(port: port, tls: tls) { try await $0.echo(["a", "b"]) }
                #expect(answers.count == 2)
            }
        }
    }

    @Test("a client that never shakes hands is closed after a time, and does not hold up a shutdown")
    func silent() async throws {
        let certificate = try Certificate.make()
        defer { certificate.remove() }
        let limits = ListenerLimits.changed { $0.undecided = .milliseconds(300) }
        try await RunningGateway.with(limits: limits, tls: certificate.listener) { gateway in
            let port = try #require(gateway.address.tlsPort)
            try await RawConnection.with(port: port) { connection in
                let received = try await connection.receiveAll()
                #expect(received == "")
            }
        }
        let patient = ListenerLimits.changed { $0.shutdownGrace = .seconds(60) }
        try await RunningGateway.with(limits: patient, tls: certificate.listener) { gateway in
            let port = try #require(gateway.address.tlsPort)
            try await RawConnection.with(port: port) { connection in
                try await Task.sleep(for: .milliseconds(50))
                #expect(await gateway.shutDown() < .seconds(30))
                #expect(try await connection.receiveAll() == "")
            }
        }
    }

    @Test("a client that shook hands and says nothing is closed as well")
    func silentAfterHandshake() async throws {
        let certificate = try Certificate.make()
        defer { certificate.remove() }
        let limits = ListenerLimits.changed { $0.undecided = .milliseconds(300) }
        try await RunningGateway.with(limits: limits, tls: certificate.listener) { gateway in
            let port = try #require(gateway.address.tlsPort)
            try await RawConnection.with(port: port, tls: certificate.client()) { connection in
                let received = (try? await connection.receiveAll()) ?? ""
                #expect(received == "")
            }
        }
    }

    @Test("a client that leaves cancels its work on TLS, too")
    func disconnectCancels() async throws {
        let certificate = try Certificate.make()
        defer { certificate.remove() }
        let (started, cancelled) = (Latch(), Latch())
        let entry: HTTPEntry = { _ in
            started.open()
            do { try await Task.sleep(for: .seconds(3600)) } catch { cancelled.open() }
            return .text(.ok, "")
        }
        try await RunningGateway.with(tls: certificate.listener, http: entry) { gateway in
            let port = try #require(gateway.address.tlsPort)
            try await RawConnection.with(port: port, tls: certificate.client("http/1.1")) { connection in
                try await connection.send(get("/"))
                try await started.wait()
            }
            try await cancelled.wait()
        }
    }

    @Test("bad certificate files are named")
    func badFiles() throws {
        let certificate = try Certificate.make()
        let other = try Certificate.make()
        defer { [certificate, other].forEach { $0.remove() } }
        func error(_ certificatePath: String, _ keyPath: String) -> ListenerError? {
            let tls = ListenerConfiguration.TLS(port: 0, certificatePath: certificatePath, keyPath: keyPath)
            return #expect(throws: ListenerError.self) { try tls.makeContext() }
        }
        #expect(
            error("/nowhere.pem", certificate.key)
                == .badCertificate(path: "/nowhere.pem", reason: "not a readable PEM certificate"))
        #expect(
            error(certificate.certificate, certificate.certificate)
                == .badKey(path: certificate.certificate, reason: "not a readable PEM private key"))
        let mismatch = error(certificate.certificate, other.key)
        #expect(mismatch?.description.contains("does not belong to the certificate") == true)
    }
}
