import Glibc
import Logging
import Testing

@testable import Transport

@Suite("Listening", .timeLimit(.minutes(5))) struct ListenerTests {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Says who the peer is, and closes.
    static let tellPeer: ProtocolFactory = { transport, info, loop in
        let recorder = Recorder()
        transport.send(Array("\(info.peerText ?? "-") \(info.isSecure)".utf8), on: loop)
        transport.closeWhenSent(on: loop)
        return recorder
    }

    static func ask(_ port: Int, _ address: String = "127.0.0.1") async throws -> String {
        String(decoding: try await RawSocket(port: port, address: address).receiveAll(), as: UTF8.self)
    }

    @Test(
        "hosts are addresses and names, and IPv4 clients are shown as such",
        arguments: [
            ("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("::1", "::1"), ("[::1]", "::1"),
            ("", "127.0.0.1"), ("::", "127.0.0.1"), ("::", "::1"), ("0.0.0.0", "127.0.0.1"),
        ])
    func hosts(host: String, client: String) async throws {
        let listener = try await Listener.listen(host: host, port: 0, logger: Self.silent, makeProtocol: Self.tellPeer)
        #expect(listener.port > 0)
        // The system may have ::1 for localhost.
        let client = host == "localhost" ? listener.address.text : client
        #expect(try await Self.ask(listener.port, client) == "\(client) false")
        await listener.stop()
    }

    @Test("hosts in URLs, and what an empty one stands for")
    func bindHost() {
        #expect(BindHost.resolve("[::1]") == "::1")
        #expect(BindHost.resolve("gateway.test") == "gateway.test")
        #expect(["::", "0.0.0.0"].contains(BindHost.resolve("")))
        #expect(BindHost.inURL("::1") == "[::1]")
        #expect(BindHost.inURL("gateway.test") == "gateway.test")
    }

    @Test("an address in use, and a host that there is not, are told in words")
    func failures() async throws {
        let first = try await Listener.listen(
            host: "127.0.0.1", port: 0, logger: Self.silent, makeProtocol: Self.tellPeer)
        let failure = await #expect(throws: ListenFailure.self) {
            _ = try await Listener.listen(
                host: "127.0.0.1", port: UInt16(first.port), logger: Self.silent, makeProtocol: Self.tellPeer)
        }
        #expect(failure == .addressInUse)
        #expect(failure?.description == "the address is in use")
        await first.stop()
        await #expect(throws: ListenFailure.hostNotFound) {
            _ = try await Listener.listen(
                host: String(repeating: "x", count: 64), port: 0, logger: Self.silent, makeProtocol: Self.tellPeer)
        }
        let foreign = await #expect(throws: ListenFailure.self) {
            _ = try await Listener.listen(host: "192.0.2.1", port: 0, logger: Self.silent, makeProtocol: Self.tellPeer)
        }
        #expect(foreign?.description == "cannot assign requested address")
    }

    @Test("a stop refuses new connections, keeps those that there are, and frees the port at once")
    func stop() async throws {
        let recorders = Lock<[LoopBound<Recorder>]>([])
        let listener = try await Listener.listen(host: "127.0.0.1", port: 0, logger: Self.silent) {
            transport, _, loop in
            let recorder = Recorder()
            recorder.whenReceived = { transport.send($0, on: loop) }
            let bound = LoopBound(recorder, on: loop)
            recorders.withLock { $0.append(bound) }
            return recorder
        }
        let client = try await RawSocket(port: listener.port)
        try await client.sendAll([1])
        #expect(try await client.receive() == .bytes([1]))
        await listener.stop()
        await listener.stop()
        try await client.sendAll([2])
        #expect(try await client.receive() == .bytes([2]))
        await #expect(throws: (any Error).self) { _ = try await RawSocket(port: listener.port) }
        // Although a connection of the port is open.
        let again = try await Listener.listen(
            host: "127.0.0.1", port: UInt16(listener.port), logger: Self.silent, makeProtocol: Self.tellPeer)
        #expect(try await Self.ask(again.port) == "127.0.0.1 false")
        await again.stop()
    }

    @Test("connections go to the loops in turn, without delay and not to children")
    func roundRobin() async throws {
        let group = EventLoopGroup(count: 3)
        let loops = Lock<[ObjectIdentifier: Int]>([:])
        let listener = try await Listener.listen(
            host: "127.0.0.1", port: 0, group: group, logger: Self.silent
        ) { transport, info, loop in
            loops.withLock { $0[ObjectIdentifier(loop), default: 0] += 1 }
            if let tcp = transport as? TCPConnection {
                tcp.limitUnacknowledged(milliseconds: 12_345, on: loop)
                #expect(tcp.option(Int32(IPPROTO_TCP), TCP_NODELAY) == 1)
                #expect(tcp.option(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT) == 12_345)
                #expect(tcp.isClosedOnExec)
                #expect(tcp.localAddress.map { Int($0.port) } ?? 0 > 0)
                #expect(tcp.peer == info.peer)
            }
            return Self.tellPeer(transport, info, loop)
        }
        for _ in 0..<30 { _ = try await Self.ask(listener.port) }
        #expect(loops.withLock { $0.values.sorted() } == [10, 10, 10])
        await listener.stop()
        await group.stop()
    }

    @Test("an address has only so many connections without a credential; others are not held up by it")
    func guests() async throws {
        var options = Listener.Options()
        let book = ConnectionBook(limits: ConnectionBook.Limits(ofAddress: 3, ofUser: 1))
        options.book = book
        let places = Lock<[ConnectionPlace]>([])
        let listener = try await Listener.listen(
            host: "0.0.0.0", port: 0, options: options, logger: Self.silent
        ) { transport, info, loop in
            let recorder = Recorder()
            if let place = info.place { places.withLock { $0.append(place) } }
            transport.send([1], on: loop)
            recorder.whenEnded = { transport.close(on: loop) }
            return recorder
        }
        var clients: [RawSocket] = []
        for _ in 0..<3 {
            let client = try await RawSocket(port: listener.port)
            #expect(try await client.receive() == .bytes([1]))
            clients.append(client)
        }
        #expect(try await RawSocket(port: listener.port).receive() != .bytes([1]))
        #expect(try await RawSocket(port: listener.port, from: "127.0.0.2").receive() == .bytes([1]))
        // One shows its credential: there is a place again.
        places.withLock { $0[0] }.isOf(.user(7))
        let next = try await RawSocket(port: listener.port)
        #expect(try await next.receive() == .bytes([1]))
        // Its user may have no other: that one stays a stranger.
        places.withLock { $0[1] }.isOf(.user(7))
        #expect(!places.withLock { $0[1] }.isKnown)
        #expect(try await RawSocket(port: listener.port).receive() != .bytes([1]))
        places.withLock { $0 = [] }
        #expect(book.count(of: try #require(SocketAddress("127.0.0.1", port: 1))) <= 3)
        await listener.stop()
    }

    @Test("owners have so many, each kind its own number; a connection stays with the first")
    func owners() throws {
        let book = ConnectionBook(limits: ConnectionBook.Limits(ofAddress: 9, ofUser: 2, ofAgent: 1))
        let peer = try #require(SocketAddress("192.0.2.1", port: 1))
        let places = try (0..<6).map { _ in try #require(book.admit(peer)) }
        for place in places[..<3] { place.isOf(.user(1)) }
        for place in places[3..<5] { place.isOf(.agent(1)) }
        places[5].isOf(.user(2))
        #expect(places.map(\.isKnown) == [true, true, false, true, false, true])
        #expect(book.count(of: .user(1)) == 2)
        #expect(book.count(of: .agent(1)) == 1)
        #expect(book.count(of: peer) == 2)
        // What is known already asks for no other place.
        places[5].isOf(.user(1))
        #expect(book.count(of: .user(2)) == 1)
        // One that ends makes room, for whoever asks then.
        places[0].release()
        #expect(book.count(of: .user(1)) == 1)
        places[2].isOf(.user(1))
        #expect(places[2].isKnown)
        #expect(book.count(of: peer) == 1)
        for place in places { place.release() }
        #expect(book.count(of: .user(1)) == 0)
        #expect(book.count(of: peer) == 0)
        // A peer without an address is counted once it is somebody's.
        let local = try #require(book.admit(nil))
        local.isOf(.user(1))
        #expect(book.count(of: .user(1)) == 1)
    }

    @Test("a place is given back once, at the latest with the last reference")
    func places() throws {
        let book = ConnectionBook(limits: ConnectionBook.Limits(ofAddress: 2))
        let peer = try #require(SocketAddress("192.0.2.1", port: 1))
        var first = book.admit(peer)
        let second = book.admit(peer)
        #expect(book.admit(peer) == nil)
        #expect(book.admit(SocketAddress("192.0.2.2", port: 1)) != nil)
        first?.release()
        first?.release()
        #expect(book.count(of: peer) == 1)
        first = nil
        #expect(book.count(of: peer) == 1)
        #expect(second != nil)
        #expect(book.admit(nil) != nil)
    }
}

extension TCPConnection {
    fileprivate var descriptorForTests: Int32 { descriptor }

    fileprivate func option(_ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var count = socklen_t(MemoryLayout<Int32>.size)
        unsafe getsockopt(descriptorForTests, level, name, &value, &count)
        return value
    }

    fileprivate var isClosedOnExec: Bool { fcntl(descriptorForTests, F_GETFD) & FD_CLOEXEC != 0 }
}
