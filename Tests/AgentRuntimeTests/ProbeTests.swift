import AgentLink
import FoundationEssentials
import Primitives
import Synchronization
import TestSupport
import Testing
import Transport

@testable import AgentRuntime

@Suite("Probes", .timeLimit(.minutes(5)))
struct ProbeTests {
    /// A service that answers every connection with `text` and closes.
    func withService(_ text: String, _ body: (Int) async throws -> Void) async throws {
        try await LocalService.with(
            { stream in
                _ = try await stream.receive()
                if !text.isEmpty { try await stream.send(Array(text.utf8)) }
            }, body)
    }

    @Test(
        "HTTP: status decides, redirects are not followed",
        arguments: [
            ("200 OK", true, ""), ("302 Found", true, ""), ("404 Not Found", false, "\n应用错误: 404 Not Found"),
        ])
    func http(status: String, successful: Bool, data: String) async throws {
        try await withService("HTTP/1.1 \(status)\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\nok") {
            port in
            let reply = try #require(await HTTPProbe.run("http://127.0.0.1:\(port)/x?y=1"))
            #expect(reply.successful == successful)
            #expect(reply.data == data)
            #expect(reply.delay > 0)
        }
    }

    @Test("HTTP: user and password of a URL are sent as other clients do")
    func credentials() async throws {
        let asked = Mutex("")
        try await LocalService.with({ stream in
            let bytes = try await stream.receive() ?? []
            asked.withLock { $0 = String(decoding: bytes, as: UTF8.self) }
            try await stream.send(Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8))
        }) { port in
            #expect(await HTTPProbe.run("http://us%20er:p%C3%A4ss@127.0.0.1:\(port)/")?.successful == true)
        }
        let credentials = Data("us er:p\u{E4}ss".utf8).base64EncodedString()
        #expect(asked.withLock { $0 }.contains("\r\nAuthorization: Basic \(credentials)\r\n"))
    }

    @Test("HTTP and ICMP: a host that the system would cut at a zero byte is none")
    func zeroByte() async throws {
        try await withService("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") { port in
            #expect(await HTTPProbe.run("http://127.0.0.1%00.x:\(port)/")?.successful == false)
        }
        #expect(await ICMPProbe.run("127.0.0.1\0x")?.data == "host not found")
    }

    @Test("HTTP: what cannot work is an error text")
    func httpErrors() async throws {
        for url in ["ftp://x/", "nonsense", "http://", "http://127.0.0.1:1/"] {
            let reply = try #require(await HTTPProbe.run(url))
            #expect(!reply.successful)
            #expect(!reply.data.isEmpty)
        }
        try await withService("garbage") { port in
            #expect(await HTTPProbe.run("http://127.0.0.1:\(port)/")?.successful == false)
        }
    }

    @Test(
        "HTTP: an answer that is none is told in words",
        arguments: [
            ("garbage\r\n\r\n", "the answer is not HTTP"), ("", "the connection ended before the answer did"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", "the connection ended before the answer did"),
            ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 70_000), "the head of the answer is too long"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
                "the answer has a transfer coding that is not known"
            ),
        ])
    func words(answer: String, text: String) async throws {
        try await withService(answer) { port in
            #expect(await HTTPProbe.run("http://127.0.0.1:\(port)/")?.data == text)
        }
    }

    /// With a certificate that is trusted it is an end-to-end test.
    @Test("HTTP: an issuer that nobody trusts is told, and nothing is asked for")
    func untrusted() async throws {
        let files = try CertificateFiles()
        defer { files.remove() }
        let context = try TLSContext.server(certificatePath: files.certificate, keyPath: files.key, protocols: [])
        let asked = Latch()
        try await LocalService.with(
            { stream in if try await stream.receive() != nil { asked.open() } }, tls: context
        ) { port in
            let reply = try #require(await HTTPProbe.run("https://localhost:\(port)/"))
            #expect(!reply.successful)
            #expect(reply.data == "certificate verify failed: self-signed certificate")
        }
        #expect(!asked.isOpen)
    }

    @Test("TCP: a connection has a delay, a refused one a text")
    func tcp() async throws {
        try await withService("") { port in
            let reply = try #require(await TCPProbe.run("127.0.0.1:\(port)"))
            #expect(reply.successful)
            #expect(reply.delay > 0)
        }
        let refused = try #require(await TCPProbe.run("127.0.0.1:1"))
        #expect(!refused.successful)
        #expect(refused.data == "connection refused")
        #expect(await TCPProbe.run("nonsense")?.successful == false)
    }

    @Test("ICMP: this machine answers, or the missing right is named")
    func icmp() async throws {
        let reply = try #require(await ICMPProbe.run("127.0.0.1"))
        #expect(reply.successful ? reply.delay > 0 : reply.data.contains("CAP_NET_RAW"))
        #expect(await ICMPProbe.run("no-such-host.invalid")?.data == "host not found")
    }

    @Test("ICMP: the packet and its sum")
    func packet() {
        let packet = PingSocket.echo(isIPv6: false, identifier: 0x1234, sequence: 1)
        #expect(packet.prefix(2) == [8, 0])
        #expect(packet[4...7] == [0x12, 0x34, 0, 1])
        #expect(PingSocket.checksum(packet) == 0)
    }

    @Test("the issuer of a certificate, and its end as dashboards read it")
    func certificate() {
        // SEQ { SEQ { [0] 2, serial, algorithm, issuer { CN "My CA" } … } }
        let name: [UInt8] = [0x30, 16, 0x31, 14, 0x30, 12, 0x06, 3, 0x55, 4, 3, 0x0C, 5] + Array("My CA".utf8)
        let body: [UInt8] = [0xA0, 3, 2, 1, 2, 0x02, 1, 1, 0x30, 0] + name
        let certificate: [UInt8] = [0x30, UInt8(body.count + 2), 0x30, UInt8(body.count)] + body
        #expect(CertificateIssuer.commonName(der: certificate) == "My CA")
        for end in 0..<certificate.count {
            #expect(CertificateIssuer.commonName(der: Array(certificate[..<end])) == nil)
        }
        #expect(HTTPProbe.timeText(1_790_856_000) == "2026-10-01 12:00:00 +0000 UTC")
    }

    @Test(
        "addresses in the answers of address services",
        arguments: [
            ("192.0.2.1\n", "192.0.2.1"), ("h=x\nip=2001:db8::1\nts=1.5\n", "2001:db8::1"),
            (#"{"a":1,"ip":"192.0.2.7"}"#, "192.0.2.7"),
            ("<html>", nil), ("", nil),
        ])
    func addresses(text: String, address: String?) {
        #expect(PublicAddresses.address(in: text)?.text == address)
    }
}
