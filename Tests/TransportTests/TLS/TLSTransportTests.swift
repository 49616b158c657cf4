import TestSupport
import Testing

@testable import Transport

@Suite("TLS over transports", .timeLimit(.minutes(5))) struct TLSTransportTests {
    private static let certificate = Result { try TestCertificate("DNS:gateway.test,IP:127.0.0.1") }

    private static func serverContext(_ protocols: [String] = []) throws -> TLSContext {
        let certificate = try certificate.get()
        return try TLSContext.server(
            certificatePath: certificate.certificate, keyPath: certificate.key, protocols: protocols)
    }

    private static func clientContext(_ protocols: [String] = []) throws -> TLSContext {
        try TLSContext.client(trust: .file(certificate.get().certificate), protocols: protocols)
    }

    /// A server's end over memory, and the client's session.
    private final class Ends {
        let memory = MemoryTransport()
        let recorder = Recorder()
        let client: TLSSession
        var transport: TLSTransport?
        var results: [Result<String?, TLSFailure>] = []

        init(limit: Duration = .seconds(10), on loop: isolated EventLoop) throws {
            client = TLSSession(client: try clientContext(["h2"]), host: "gateway.test")
            let session = TLSSession(server: try serverContext(["h2"]))
            let transport = TLSTransport(session, over: memory, limit: limit, on: loop) { [unowned self] _, result in
                results.append(result)
                guard case .success = result else { return nil }
                return recorder
            }
            self.transport = transport
            memory.attach(transport)
        }

        func shakeHands(on loop: isolated EventLoop) {
            while client.shakeHands() == .incomplete {
                memory.receive(client.output(), on: loop)
                client.receive(memory.takeSent().span)
            }
            memory.receive(client.output(), on: loop)
        }

        func clientReads() -> [UInt8] {
            client.receive(memory.takeSent().span)
            var all: [UInt8] = []
            while case .bytes(let bytes) = client.read() { all += bytes }
            return all
        }
    }

    @Test("what is spoken begins after the handshake, with the protocol that was chosen")
    func speaks() async throws {
        try await EventLoop.shared.run { loop in
            let ends = try Ends(on: loop)
            #expect(ends.transport?.isWritable == false)
            ends.shakeHands(on: loop)
            #expect(ends.results == [.success("h2")])
            _ = ends.client.write([1, 2, 3])
            ends.memory.receive(ends.client.output(), on: loop)
            #expect(ends.recorder.received == [1, 2, 3])
            ends.transport?.send([4, 5], on: loop)
            #expect(ends.clientReads() == [4, 5])
            ends.memory.isOpen = false
            #expect(ends.transport?.isWritable == false)
            #expect(ends.transport?.isDrained == false)
            ends.memory.becomeWritable(on: loop)
            #expect(ends.recorder.writableCount == 1)
            ends.transport?.limitUnacknowledged(milliseconds: 7, on: loop)
            #expect(ends.memory.unacknowledgedLimit == 7)
            ends.transport?.close(on: loop)
            #expect(ends.recorder.closedCount == 1)
            #expect(ends.memory.isClosed)
            #expect(ends.client.read() == .incomplete)
            #expect(ends.clientReads() == [])
            #expect(ends.client.read() == .ended)
        }
    }

    @Test("a pause stops what was decrypted, too")
    func pause() async throws {
        try await EventLoop.shared.run { loop in
            let ends = try Ends(on: loop)
            ends.shakeHands(on: loop)
            let transport = try #require(ends.transport)
            ends.recorder.whenReceived = { _ in transport.pauseReceiving(on: loop) }
            for byte in 1...3 as ClosedRange<UInt8> { _ = ends.client.write([byte]) }
            ends.memory.receive(ends.client.output(), on: loop)
            #expect(ends.recorder.received == [1])
            #expect(ends.memory.isPaused)
            transport.resumeReceiving(on: loop)
            #expect(!ends.memory.isPaused)
            await loop.turn()
            #expect(ends.recorder.received == [1, 2])
            ends.recorder.whenReceived = nil
            transport.resumeReceiving(on: loop)
            await loop.turn()
            #expect(ends.recorder.received == [1, 2, 3])
            transport.close(on: loop)
        }
    }

    @Test("an announced end leaves our side open; one that is not announced closes")
    func ends() async throws {
        try await EventLoop.shared.run { loop in
            let announced = try Ends(on: loop)
            announced.shakeHands(on: loop)
            announced.client.endSending()
            announced.memory.receive(announced.client.output(), on: loop)
            announced.memory.receiveEnd(on: loop)
            #expect(announced.recorder.hasEnded)
            #expect(announced.recorder.closedCount == 0)
            announced.transport?.send([9], on: loop)
            announced.transport?.closeWhenSent(on: loop)
            #expect(announced.recorder.closedCount == 1)
            #expect(announced.clientReads() == [9])
            #expect(announced.client.read() == .ended)

            let cut = try Ends(on: loop)
            cut.shakeHands(on: loop)
            cut.memory.receiveEnd(on: loop)
            #expect(!cut.recorder.hasEnded)
            #expect(cut.recorder.closedCount == 1)
        }
    }

    @Test("our own end is announced, and receiving goes on")
    func ownEnd() async throws {
        try await EventLoop.shared.run { loop in
            let ends = try Ends(on: loop)
            ends.shakeHands(on: loop)
            ends.transport?.send([1], on: loop)
            ends.transport?.finishSending(on: loop)
            #expect(ends.memory.hasFinishedSending)
            #expect(ends.clientReads() == [1])
            #expect(ends.client.read() == .ended)
            _ = ends.client.write([2])
            ends.memory.receive(ends.client.output(), on: loop)
            #expect(ends.recorder.received == [2])
            ends.transport?.close(on: loop)
        }
    }

    @Test("a handshake that does not end is ended")
    func silence() async throws {
        try await EventLoop.shared.run { loop in
            let ends = try Ends(limit: .milliseconds(20), on: loop)
            try await loop.wait { ends.memory.isClosed }
            #expect(ends.results == [.failure(TLSFailure(description: "the handshake took too long"))])
            let gone = try Ends(on: loop)
            gone.memory.close(on: loop)
            #expect(gone.results == [.failure(TLSFailure(description: "the connection ended"))])
            let garbage = try Ends(on: loop)
            garbage.memory.receive([22, 3, 1, 0, 4, 1, 0, 0, 0], on: loop)
            #expect(garbage.memory.isClosed)
            #expect(garbage.results.count == 1)
            // The alert, for a client that takes note.
            #expect(garbage.memory.takeSent().first == 21)
        }
    }

    @Test("over sockets: both ways, long, with a name that fits")
    func sockets() async throws {
        let long = pattern(2_000_000)
        let listener = try await Listener.listen(
            host: "127.0.0.1", port: 0, tls: Self.serverContext(["http/1.1", "h2"]), logger: ListenerTests.silent
        ) { transport, info, loop in
            #expect(info.isSecure)
            #expect(info.applicationProtocol == "h2")
            #expect(info.peerText == "127.0.0.1")
            let recorder = Recorder()
            recorder.whenReceived = { transport.send($0, on: loop) }
            recorder.whenEnded = { transport.closeWhenSent(on: loop) }
            return recorder
        }
        let loop = EventLoopGroup.shared.next()
        let stream = try await Connector.connect(
            host: "127.0.0.1", port: UInt16(listener.port), tls: Self.clientContext(["h2"]), limit: .seconds(10),
            on: loop
        ) { transport, info, loop in
            #expect(info.isSecure)
            #expect(info.applicationProtocol == "h2")
            #expect(info.peerText == "127.0.0.1")
            #expect((transport as? TLSTransport)?.peerCertificate != nil)
            return ByteStream.make(over: transport, on: loop)
        }
        async let sent: Void = stream.send(long)
        var received: [UInt8] = []
        while received.count < long.count, let more = try await stream.receive() { received += more }
        try await sent
        #expect(received == long)
        await stream.finishSending()
        #expect(try await stream.receive() == nil)
        await stream.close()
        let failure = await #expect(throws: ConnectError.self) {
            try await Connector.connect(
                host: "localhost", port: UInt16(listener.port), tls: Self.clientContext(["h2"]), limit: .seconds(10),
                on: loop
            ) { transport, _, loop in (Recorder(), ()) }
        }
        guard case .tls = failure else {
            Issue.record("localhost is not in the certificate: \(String(describing: failure))")
            return
        }
        await listener.stop()
    }

    @Test("handshakes that fail beside it do not disturb a transfer, on any loop")
    func failuresBeside() async throws {
        let listener = try await Listener.listen(
            host: "127.0.0.1", port: 0, tls: Self.serverContext(), logger: ListenerTests.silent
        ) { transport, _, loop in
            let recorder = Recorder()
            recorder.whenReceived = { transport.send($0, on: loop) }
            recorder.whenEnded = { transport.closeWhenSent(on: loop) }
            return recorder
        }
        let stranger = try TestCertificate("DNS:gateway.test")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let stream = try await Connector.connect(
                        host: "127.0.0.1", port: UInt16(listener.port), tls: Self.clientContext(), limit: .seconds(20),
                        on: EventLoopGroup.shared.next()
                    ) { transport, _, loop in ByteStream.make(over: transport, on: loop) }
                    for round in 0..<60 {
                        let sent = pattern(20_000 + round)
                        try await stream.send(sent)
                        var received: [UInt8] = []
                        while received.count < sent.count, let more = try await stream.receive() { received += more }
                        #expect(received == sent)
                    }
                    await stream.close()
                }
            }
            group.addTask {
                for round in 0..<50 {
                    // One that knows other certificates, and says so in its alert.
                    await #expect(throws: ConnectError.self) {
                        try await Connector.connect(
                            host: "127.0.0.1", port: UInt16(listener.port),
                            tls: TLSContext.client(trust: .file(stranger.certificate)), limit: .seconds(20),
                            on: EventLoopGroup.shared.next()
                        ) { transport, _, loop in (Recorder(), ()) }
                    }
                    // One that speaks something else, and one that breaks off.
                    let plain = try await RawSocket(port: listener.port)
                    plain.send(Array("GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n".utf8)[...])
                    _ = try await plain.receiveAll()
                    let hello = TLSSession(client: try Self.clientContext(), host: "gateway.test")
                    _ = hello.shakeHands()
                    let half = try await RawSocket(port: listener.port)
                    half.send(hello.output().prefix(20 + round))
                    half.close()
                }
            }
            try await group.waitForAll()
        }
        await listener.stop()
    }

    @Test("half handshakes are ended in time, and by a stop of the listener")
    func halfHandshakes() async throws {
        var options = Listener.Options()
        options.handshakeLimit = .milliseconds(100)
        let hasty = try await Listener.listen(
            host: "127.0.0.1", port: 0, tls: Self.serverContext(), options: options, logger: ListenerTests.silent,
            makeProtocol: ListenerTests.tellPeer)
        // Both ends are in this process.
        DescriptorLimit.raise()
        var silent: [RawSocket] = []
        for _ in 0..<1000 { silent.append(try await RawSocket(port: hasty.port)) }
        let hello = TLSSession(client: try Self.clientContext(), host: "gateway.test")
        _ = hello.shakeHands()
        let bytes = hello.output()
        for (index, client) in silent.enumerated() where index % 2 == 0 {
            client.send(bytes.prefix(index % bytes.count))
        }
        for client in silent { _ = try await client.receiveAll() }
        await hasty.stop()
        let patient = try await Listener.listen(
            host: "127.0.0.1", port: 0, tls: Self.serverContext(), logger: ListenerTests.silent,
            makeProtocol: ListenerTests.tellPeer)
        let client = try await RawSocket(port: patient.port)
        client.send(bytes.prefix(20))
        try await Task.sleep(for: .milliseconds(30))
        await patient.stop()
        #expect(try await client.receiveAll() == [])
    }
}
