import Glibc
import Logging
import TestSupport
import Testing

@testable import Transport

@Suite("Accepting when descriptors are short", .timeLimit(.minutes(5))) struct AcceptorTests {
    /// What an acceptor sees in place of the system.
    private final class System: Sendable {
        struct State {
            var waiting: [ListeningSocket.Accepted] = []
            var calls = 0
            var lowestFree: Int32? = 10
            var limit = 1000
        }

        let state = Lock(State())

        func source(_ descriptor: Int32) throws -> AcceptSource {
            var source = AcceptSource(try ListeningSocket(#require(SocketAddress("127.0.0.1", port: 0)), backlog: 1))
            Glibc.close(source.descriptor)
            source.descriptor = descriptor
            source.accept = {
                self.state.withLock { state in
                    state.calls += 1
                    return state.waiting.isEmpty ? .none : state.waiting.removeFirst()
                }
            }
            source.lowestFree = { self.state.withLock { $0.lowestFree } }
            source.limit = { self.state.withLock { $0.limit } }
            return source
        }
    }

    /// Runs an acceptor on a descriptor that is always readable, as a socket with a full backlog is.
    private static func with(
        _ system: System, _ body: @Sendable (Acceptor, KeptLog, isolated EventLoop) async throws -> Void
    ) async throws {
        let loop = EventLoop()
        loop.start()
        let (peer, descriptor) = RawSocket.pair()
        peer.send([1])
        let source = try system.source(descriptor)
        let log = KeptLog()
        try await loop.run { loop in
            let acceptor = Acceptor(
                source, tls: nil, group: .shared, options: Listener.Options(),
                logger: log.logger, makeProtocol: ListenerTests.tellPeer, on: loop)
            try await body(acceptor, log, loop)
            acceptor.close(on: loop)
        }
        await loop.stop()
        peer.close()
    }

    @Test("a system without descriptors is not asked without end, and again when it has some")
    func exhausted() async throws {
        let system = System()
        system.state.withLock { state in
            state.waiting = [.lost, .exhausted]
            state.lowestFree = nil
        }
        try await Self.with(system) { acceptor, log, loop in
            try await loop.wait { acceptor.pauses == 1 }
            let calls = system.state.withLock { $0.calls }
            try await loop.sleep(milliseconds: 300)
            #expect(system.state.withLock { $0.calls } == calls)
            #expect(log.events.count == 1)
            system.state.withLock { $0.lowestFree = 10 }
            try await loop.wait { system.state.withLock { $0.calls } > calls }
            // A second time is counted, and not told within the minute.
            system.state.withLock { $0.waiting = [.exhausted] }
            try await loop.wait { acceptor.pauses == 2 }
            #expect(
                log.events.map { "\($0.message) \($0.metadata?["limit"] ?? "-")" } == [
                    "no descriptors are left for new connections; they wait until others end 1000"
                ])
        }
    }

    @Test("accepting stops 128 descriptors below the limit, and not before", arguments: [(129, 0), (128, 1)])
    func reserve(distance: Int32, pauses: Int) async throws {
        let system = System()
        let (_, other) = RawSocket.pair()
        // A number far from those that the tests get, whichever is free.
        let high = fcntl(other, F_DUPFD_CLOEXEC, 871)
        Glibc.close(other)
        try #require(high >= 871)
        let limit = high + distance
        system.state.withLock { state in
            state.limit = Int(limit)
            state.waiting = [.connection(high, nil)]
            state.lowestFree = limit - 100
        }
        try await Self.with(system) { acceptor, _, loop in
            try await loop.wait { system.state.withLock { $0.waiting.isEmpty } }
            try await loop.sleep(milliseconds: 250)
            #expect(acceptor.pauses == pauses)
            let calls = system.state.withLock { $0.calls }
            #expect((calls == 1) == (pauses == 1))
            // One descriptor below is free again.
            system.state.withLock { $0.lowestFree = limit - 129 }
            try await loop.wait { system.state.withLock { $0.calls } > calls }
        }
    }

    @Test("a turn of the loop accepts so many, and the next goes on")
    func share() async throws {
        let system = System()
        system.state.withLock { $0.waiting = Array(repeating: .lost, count: 200) }
        try await Self.with(system) { _, _, loop in
            try await loop.wait { system.state.withLock { $0.waiting.isEmpty } }
        }
    }

    @Test("the soft limit is raised to the hard one")
    func raise() {
        DescriptorLimit.raise()
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #expect(limit.rlim_cur == limit.rlim_max)
        #expect(DescriptorLimit.current == Int(clamping: limit.rlim_max))
    }
}
