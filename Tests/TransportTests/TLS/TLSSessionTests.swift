import COpenSSL
import Testing

@testable import Transport

@Suite("TLS in memory", .timeLimit(.minutes(5))) struct TLSSessionTests {
    private static let certificate = Result {
        try TestCertificate("DNS:gateway.test,DNS:*.wild.test,IP:192.0.2.1,IP:::1")
    }

    private static func server(_ protocols: [String] = []) throws -> TLSContext {
        let certificate = try certificate.get()
        return try TLSContext.server(
            certificatePath: certificate.certificate, keyPath: certificate.key, protocols: protocols)
    }

    private static func client(_ protocols: [String] = []) throws -> TLSContext {
        try TLSContext.client(trust: .file(certificate.get().certificate), protocols: protocols)
    }

    private static func connected() throws -> TLSEnds {
        var ends = TLSEnds(server: try server(), client: try client())
        ends.shakeHands()
        #expect(ends.clientStep == .complete)
        #expect(ends.serverStep == .complete)
        return ends
    }

    @Test("bytes go both ways, whole")
    func bytes() throws {
        let ends = try Self.connected()
        let long = pattern(300_000)
        for (from, to) in [(ends.client, ends.server), (ends.server, ends.client)] {
            #expect(from.write(long[...]) == .complete)
            #expect(from.write([]) == .complete)
            _ = ends.carry()
            var received: [UInt8] = []
            while case .bytes(let more) = to.read() { received += more }
            #expect(received == long)
            #expect(to.read() == .incomplete)
        }
        #expect(ends.server.output().isEmpty)
    }

    @Test("bytes arrive one by one, and each step says that more is needed")
    func drip() throws {
        let ends = TLSEnds(server: try Self.server(), client: try Self.client())
        #expect(ends.client.shakeHands() == .incomplete)
        let hello = ends.client.output()
        for byte in hello.dropLast() {
            ends.server.receive([byte].span)
            #expect(ends.server.shakeHands() == .incomplete)
            #expect(ends.server.output().isEmpty)
        }
        ends.server.receive([hello.last ?? 0].span)
        #expect(ends.server.shakeHands() == .incomplete)
        #expect(!ends.server.output().isEmpty)
    }

    @Test(
        "the server's order decides about the protocol",
        arguments: [
            (["h2", "http/1.1"], "http/1.1" as String?), (["http/1.1"], "http/1.1"), (["h2"], "h2"),
            (["grpc-exp", "h2"], "h2"), (["spdy/1"], nil), ([], nil),
        ])
    func protocols(offered: [String], chosen: String?) throws {
        var ends = TLSEnds(server: try Self.server(["http/1.1", "h2"]), client: try Self.client(offered))
        ends.shakeHands()
        #expect(ends.clientStep == .complete)
        #expect(ends.client.applicationProtocol == chosen)
        #expect(ends.server.applicationProtocol == chosen)
    }

    @Test(
        "the certificate must be the host's",
        arguments: [
            ("gateway.test", true), ("GATEWAY.test", true), ("a.wild.test", true), ("a.b.wild.test", false),
            ("other.test", false), ("192.0.2.1", true), ("192.0.2.2", false), ("::1", true), ("::2", false),
        ])
    func names(host: String, fits: Bool) throws {
        var ends = TLSEnds(server: try Self.server(), client: try Self.client(), host: host)
        ends.shakeHands()
        #expect((ends.clientStep == .complete) == fits)
        if !fits {
            guard case .failed(let failure) = ends.clientStep else {
                Issue.record("it does not fit")
                return
            }
            #expect(failure.description.contains("mismatch"), "\(failure)")
            #expect(ends.client.write([1]) == ends.clientStep)
            #expect(ends.client.read() == .failed(failure))
        }
        var trusting = TLSEnds(server: try Self.server(), client: try TLSContext.client(trust: .everybody), host: host)
        trusting.shakeHands()
        #expect(trusting.clientStep == .complete)
    }

    @Test("a name is told to the server, an address is not", arguments: [("gateway.test", true), ("192.0.2.1", false)])
    func serverName(host: String, isTold: Bool) throws {
        let session = TLSSession(client: try Self.client(), host: host)
        _ = session.shakeHands()
        let hello = session.output()
        let name = Array(host.utf8)
        let found = hello.indices.contains { hello[$0...].starts(with: name) }
        #expect(found == isTold)
    }

    @Test("a stranger's certificate is refused, by the system's roots, too")
    func strangers() throws {
        let stranger = try TestCertificate()
        for trust in [TLSContext.Trust.file(stranger.certificate), .system] {
            var ends = TLSEnds(server: try Self.server(), client: try TLSContext.client(trust: trust))
            ends.shakeHands()
            guard case .failed(let failure) = ends.clientStep else {
                Issue.record("a stranger was trusted")
                return
            }
            #expect(failure.description.contains("certificate verify failed: self"), "\(failure)")
            guard case .failed = ends.serverStep else {
                Issue.record("the server was not told")
                return
            }
        }
        #expect(throws: TLSContextError.badCertificate(path: "/nowhere", reason: "not a readable PEM certificate")) {
            _ = try TLSContext.client(trust: .file("/nowhere"))
        }
    }

    @Test("the peer's certificate can be read, and when it ends")
    func peerCertificate() throws {
        let ends = try Self.connected()
        let der = try #require(ends.client.peerCertificate)
        #expect(der.starts(with: [0x30, 0x82]))
        let end = try #require(ends.client.peerCertificateEnd)
        #expect(abs(end - Int(time(nil)) - 2 * 86_400) < 3_600)
        #expect(ends.server.peerCertificate == nil)
        #expect(ends.server.peerCertificateEnd == nil)
    }

    @Test("an end is told apart from a pause, and nothing can be sent after it")
    func end() throws {
        let ends = try Self.connected()
        #expect(ends.client.write([1, 2]) == .complete)
        ends.client.endSending()
        ends.client.endSending()
        #expect(ends.client.write([3]) == .complete)
        _ = ends.carry()
        #expect(ends.server.read() == .bytes([1, 2]))
        #expect(ends.server.read() == .ended)
        #expect(ends.server.write([9]) == .complete)
        _ = ends.carry()
        #expect(ends.client.read() == .bytes([9]))
    }

    @Test("garbage and damaged records are failures, once and for good", arguments: 0..<40)
    func garbage(seed: Int) throws {
        let plain = TLSSession(server: try Self.server())
        plain.receive(Array("GET / HTTP/1.1\r\n\r\n".utf8).span)
        guard case .failed = plain.shakeHands() else {
            Issue.record("this is no TLS")
            return
        }
        let ends = try Self.connected()
        #expect(ends.client.write(ArraySlice(repeating: 7, count: 100)) == .complete)
        var record = ends.client.output()
        record[5 + seed * 2] ^= 0x10
        ends.server.receive(record.span)
        guard case .failed(let failure) = ends.server.read() else {
            Issue.record("damage was not seen")
            return
        }
        #expect(ends.server.read() == .failed(failure))
    }

    @Test("a failure of one connection is not taken for one of another on the same thread")
    func errorQueue() throws {
        let good = try Self.connected()
        for _ in 0..<50 {
            let bad = TLSSession(server: try Self.server())
            bad.receive(Array("GET / HTTP/1.1\r\n\r\n".utf8).span)
            guard case .failed = bad.shakeHands() else {
                Issue.record("this is no TLS")
                return
            }
            // As a library that forgets its errors leaves them.
            #expect(unsafe BIO_new_file("/nowhere", "r") == nil)
            #expect(ERR_peek_error() != 0)
            #expect(good.server.read() == .incomplete)
            #expect(good.client.write([1]) == .complete)
            _ = good.carry()
            #expect(good.server.read() == .bytes([1]))
        }
    }

    @Test("some key updates are answered, and a flood of them is the end")
    func keyUpdates() throws {
        let ends = try Self.connected()
        for _ in 0..<16 {
            ends.client.updateKeys()
            _ = ends.carry()
            #expect(ends.server.read() == .incomplete)
        }
        #expect(ends.client.write([1]) == .complete)
        _ = ends.carry()
        #expect(ends.server.read() == .bytes([1]))
        for _ in 0..<1000 { ends.client.updateKeys() }
        _ = ends.carry()
        #expect(ends.server.read() == .failed(TLSFailure(description: "too many key updates")))
    }

    @Test("a hundred thousand key updates cost no more than the first few")
    func manyKeyUpdates() throws {
        let ends = try Self.connected()
        let failure = TLSSession.Read.failed(TLSFailure(description: "too many key updates"))
        var answered = 0
        for _ in 0..<100 {
            for _ in 0..<1000 { ends.client.updateKeys() }
            let updates = ends.client.output()
            #expect(updates.count > 20_000)
            ends.server.receive(updates.span)
            #expect(ends.server.read() == failure)
            answered += ends.server.output().count
        }
        // Those of one read are answered before they are counted; an answer to each would be 2 MB.
        #expect(answered < 1 << 16)
    }

    @Test("a transfer earns key updates")
    func earnedKeyUpdates() throws {
        let ends = try Self.connected()
        for _ in 0..<40 {
            #expect(ends.client.write(ArraySlice(repeating: 1, count: 1 << 20)) == .complete)
            ends.client.updateKeys()
            _ = ends.carry()
            var count = 0
            while case .bytes(let more) = ends.server.read() { count += more.count }
            #expect(count == 1 << 20)
        }
    }

    @Test("TLS 1.2 is spoken, what is older is not", arguments: [(TLS1_2_VERSION, true), (TLS1_1_VERSION, false)])
    func versions(version: Int32, isSpoken: Bool) throws {
        var ends = TLSEnds(server: try Self.server(), client: try Self.client())
        ends.client.limitVersion(version)
        ends.shakeHands()
        #expect((ends.serverStep == .complete) == isSpoken)
        #expect((ends.clientStep == .complete) == isSpoken)
    }

    @Test("a client's wish to shake hands again is not granted")
    func renegotiation() throws {
        var ends = TLSEnds(server: try Self.server(), client: try Self.client())
        ends.client.limitVersion(TLS1_2_VERSION)
        ends.shakeHands()
        #expect(ends.serverStep == .complete)
        var refusals = 0
        for _ in 0..<100 {
            ends.client.renegotiate()
            _ = ends.carry()
            if case .failed = ends.server.read() {
                refusals += 1
                break
            }
            // No more than a short alert comes: no certificate, no key exchange.
            let answer = ends.server.output()
            #expect(answer.count < 100)
            if !answer.isEmpty { refusals += 1 }
            ends.client.receive(answer.span)
        }
        #expect(refusals > 0)
    }
}

extension TLSSession {
    /// Asks the peer for new keys.
    fileprivate func updateKeys() {
        unsafe SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED)
        _ = unsafe SSL_do_handshake(ssl)
    }

    fileprivate func limitVersion(_ version: Int32) {
        // SSL_set_min_proto_version, SSL_set_max_proto_version
        unsafe SSL_ctrl(ssl, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(version), nil)
        unsafe SSL_ctrl(ssl, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
        // Debian's level of security has no TLS 1.1 at all.
        unsafe SSL_set_security_level(ssl, 0)
    }

    /// Begins a second handshake on the same connection.
    fileprivate func renegotiate() {
        unsafe SSL_clear_options(ssl, UInt64(1) << 30)
        unsafe SSL_renegotiate(ssl)
        _ = unsafe SSL_do_handshake(ssl)
        ERR_clear_error()
    }
}
