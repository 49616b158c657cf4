import Glibc
import Testing

@testable import Transport

@Suite("Connecting", .timeLimit(.minutes(5))) struct ConnectorTests {
    private static func connect(
        _ host: String, _ port: Int, limit: Duration = .seconds(10)
    ) async throws(ConnectError) -> ByteStream {
        try await Connector.connect(
            host: host, port: UInt16(port), limit: limit, on: .shared
        ) { transport, info, loop in
            #expect(!info.isSecure)
            #expect(info.peer != nil)
            return ByteStream.make(over: transport, on: loop)
        }
    }

    /// A port on which nobody answers: its backlog is full, so that the system drops what comes.
    private final class DeafPort: Sendable {
        let port: Int
        private let listening: ListeningSocket
        private let clients: [RawSocket]

        init() async throws {
            listening = try ListeningSocket(#require(SocketAddress("127.0.0.1", port: 0)), backlog: 0)
            port = Int(listening.address.port)
            clients = [try await RawSocket(port: port)]
        }

        deinit { Glibc.close(listening.descriptor) }
    }

    @Test("a host by name and by address", arguments: ["127.0.0.1", "localhost"])
    func connects(host: String) async throws {
        let listener = try await Listener.listen(
            host: "", port: 0, logger: ListenerTests.silent, makeProtocol: ListenerTests.tellPeer)
        let stream = try await Self.connect(host, listener.port)
        let text = try await stream.receive().map { String(decoding: $0, as: UTF8.self) }
        #expect(["127.0.0.1 false", "::1 false"].contains(text))
        #expect(try await stream.receive() == nil)
        await stream.close()
        await listener.stop()
    }

    @Test("errors have the words that are shown")
    func words() async throws {
        let listening = try ListeningSocket(#require(SocketAddress("127.0.0.1", port: 0)), backlog: 1)
        Glibc.close(listening.descriptor)
        let refused = await #expect(throws: ConnectError.self) {
            _ = try await Self.connect("127.0.0.1", Int(listening.address.port))
        }
        #expect(refused == .system(SystemError(code: ECONNREFUSED)))
        #expect(refused?.description == "connection refused")
        let unknown = await #expect(throws: ConnectError.self) {
            _ = try await Self.connect(String(repeating: "x", count: 64), 1)
        }
        #expect(unknown?.description == "host not found")
    }

    @Test("nobody answers: the limit ends it")
    func limit() async throws {
        let deaf = try await DeafPort()
        let start = ContinuousClock.now
        let failure = await #expect(throws: ConnectError.self) {
            _ = try await Self.connect("127.0.0.1", deaf.port, limit: .milliseconds(150))
        }
        #expect(failure == .timeout)
        #expect(failure?.description == "timeout")
        #expect(ContinuousClock.now - start >= .milliseconds(150))
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test("a cancelled task does not wait for it")
    func cancelled() async throws {
        let deaf = try await DeafPort()
        let attempt = Task { try await Self.connect("127.0.0.1", deaf.port, limit: .seconds(3600)) }
        try await Task.sleep(for: .milliseconds(30))
        attempt.cancel()
        await #expect(throws: ConnectError.cancelled) { _ = try await attempt.value }
        let late = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            return try await Self.connect("127.0.0.1", deaf.port)
        }
        await #expect(throws: ConnectError.cancelled) { _ = try await late.value }
    }

    /// Races through addresses.
    private static func race(_ ports: [Int]) async throws -> (port: Int?, error: Int32?, milliseconds: UInt64) {
        try await EventLoop.shared.run { loop in
            var result: Result<Int32, SystemError>?
            let addresses = ports.compactMap { SocketAddress("127.0.0.1", port: UInt16($0)) }
            let race = ConnectRace(addresses) { result = $0 }
            let start = loop.now
            race.tryNext(on: loop)
            try await loop.wait { result != nil }
            let time = loop.now - start
            switch result {
            case .success(let descriptor):
                defer { Glibc.close(descriptor) }
                return (SocketAddress.peer(of: descriptor).map { Int($0.port) }, nil, time)
            case .failure(let error): return (nil, error.code, time)
            case nil: return (nil, nil, time)
            }
        }
    }

    @Test("addresses are tried one after another: the next at once when one refuses, after a while when one is silent")
    func race() async throws {
        let listener = try await Listener.listen(
            host: "127.0.0.1", port: 0, logger: ListenerTests.silent, makeProtocol: ListenerTests.tellPeer)
        let closed = try ListeningSocket(#require(SocketAddress("127.0.0.1", port: 0)), backlog: 1)
        Glibc.close(closed.descriptor)
        let refusing = Int(closed.address.port)
        let deaf = try await DeafPort()
        let second = try await Self.race([refusing, listener.port])
        #expect(second.port == listener.port)
        let third = try await Self.race([deaf.port, refusing, listener.port])
        #expect(third.port == listener.port)
        #expect(third.milliseconds >= 250)
        #expect(third.milliseconds < 20_000)
        let none = try await Self.race([refusing, refusing])
        #expect(none.error == ECONNREFUSED)
        #expect(try await Self.race([]).error == EHOSTUNREACH)
        await listener.stop()
    }

    @Test("the families take turns")
    func families() throws {
        let texts = ["::1", "::2", "::3", "127.0.0.1"]
        let addresses = texts.compactMap { SocketAddress($0, port: 1) }
        #expect(ConnectRace.interleaved(addresses).map(\.text) == ["::1", "127.0.0.1", "::2", "::3"])
        #expect(ConnectRace.interleaved([]).isEmpty)
    }

    @Test("a loop that is stopped ends what is under way on it")
    func stoppedLoop() async throws {
        let deaf = try await DeafPort()
        let loop = EventLoop()
        loop.start()
        let attempt = Task {
            try await Connector.connect(
                host: "127.0.0.1", port: UInt16(deaf.port), limit: .seconds(3600), on: loop
            ) { transport, _, loop in ByteStream.make(over: transport, on: loop) }
        }
        try await Task.sleep(for: .milliseconds(50))
        await loop.stop()
        await #expect(throws: ConnectError.self) { _ = try await attempt.value }
    }
}
