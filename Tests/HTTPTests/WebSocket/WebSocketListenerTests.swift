import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("WebSockets on the port (RFC 6455)")
struct WebSocketListenerTests {
    @Test("the handshake is answered as in the RFC, at the second request of a connection, too")
    func handshake() async throws {
        try await RunningServer.with(http: webSocketEntry(echo)) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(get("/"))
                #expect(try await connection.receive(through: "hello").hasPrefix("HTTP/1.1 200"))
                try await connection.send(WebSocketPeer.request)
                let head = try await connection.receive(through: "\r\n\r\n")
                #expect(head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
                #expect(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
                #expect(head.contains("Upgrade: websocket\r\n"))
                #expect(head.contains("Connection: Upgrade\r\n"))
                let peer = WebSocketPeer(connection)
                try await peer.send("hi")
                #expect(try await peer.next() == ServerFrame(opcode: 1, payload: Array("hi".utf8)))
            }
        }
    }

    @Test("frames that come together with the handshake are not lost")
    func early() async throws {
        try await RunningServer.with(http: webSocketEntry(echo)) { server in
            try await RawConnection.with(port: server.port) { connection in
                let early = WebSocketPeer.frame(1, Array("one".utf8)) + WebSocketPeer.frame(2, [2])
                let peer = try await WebSocketPeer.open(connection, early: early)
                #expect(try await peer.next()?.text == "one")
                #expect(try await peer.next() == ServerFrame(opcode: 2, payload: [2]))
            }
        }
    }

    @Test("fragments are joined, with control frames between them, and pings are answered")
    func fragments() async throws {
        try await RunningServer.with(http: webSocketEntry(echo)) { server in
            try await RawConnection.with(port: server.port) { connection in
                let peer = try await WebSocketPeer.open(connection)
                try await peer.send(1, Array("a".utf8), isFinal: false)
                try await peer.send(9, [7, 8])
                try await peer.send(0, Array("ä".utf8).dropLast(), isFinal: false)
                try await peer.send(0, [Array("ä".utf8)[1]])
                #expect(try await peer.next() == ServerFrame(opcode: 10, payload: [7, 8]))
                #expect(try await peer.next()?.text == "aä")
            }
        }
    }

    @Test("a client's close is echoed and the connection closed", arguments: [1000, 1001, 3000, 4999, nil])
    func clientCloses(code: Int?) async throws {
        try await RunningServer.with(http: webSocketEntry(echo)) { server in
            try await RawConnection.with(port: server.port) { connection in
                let peer = try await WebSocketPeer.open(connection)
                try await peer.send(8, code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } ?? [])
                #expect(try await peer.next()?.code == code ?? 1005)
                #expect(try await peer.next() == nil)
            }
        }
    }

    @Test("run's close is sent, and the connection ends when the client has answered or its time is up")
    func serverCloses() async throws {
        let limits = ListenerLimits.changed { $0.webSocketEnd = .milliseconds(500) }
        try await RunningServer.with(limits: limits, http: webSocketEntry(echo)) { server in
            for answers in [true, false] {
                try await RawConnection.with(port: server.port) { connection in
                    let peer = try await WebSocketPeer.open(connection)
                    try await peer.send("bye")
                    let close = try await peer.next()
                    #expect(close?.code == 1000)
                    #expect(close.map { String(decoding: $0.payload.dropFirst(2), as: UTF8.self) } == "as you like")
                    if answers { try await peer.send(8, [3, 232]) }
                    #expect(try await peer.next() == nil)
                }
            }
        }
    }

    @Test("a message has the limit's size, in fragments as well; one byte more closes with 1009")
    func messageLimit() async throws {
        try await RunningServer.with(http: webSocketEntry(maxMessageSize: 1000, echo)) { server in
            for (sizes, isAllowed) in [([1000], true), ([1001], false), ([600, 400], true), ([600, 401], false)] {
                try await RawConnection.with(port: server.port) { connection in
                    let peer = try await WebSocketPeer.open(connection)
                    for (index, size) in sizes.enumerated() {
                        try await peer.send(
                            index == 0 ? 2 : 0, [UInt8](repeating: 1, count: size), isFinal: index == sizes.count - 1)
                    }
                    let answer = try await peer.next()
                    if isAllowed { #expect(answer?.payload.count == 1000) } else { #expect(answer?.code == 1009) }
                }
            }
        }
    }

    @Test(
        "what breaks the protocol is told with 1002, bad text with 1007",
        arguments: [
            ([0x81, 0x01, 0x61], 1002), ([0xC1, 0x80, 0, 0, 0, 0], 1002), ([0x83, 0x80, 0, 0, 0, 0], 1002),
            ([0x8B, 0x80, 0, 0, 0, 0], 1002), ([0x09, 0x80, 0, 0, 0, 0], 1002),
            ([0x89, 0xFE, 0, 126, 0, 0, 0, 0], 1002), ([0x80, 0x80, 0, 0, 0, 0], 1002),
            ([0x88, 0x81, 0, 0, 0, 0, 3], 1002), ([0x88, 0x82, 0, 0, 0, 0, 3, 237], 1002),
            ([0x82, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1002),
            ([0x82, 0xFE, 0, 1, 0, 0, 0, 0, 1], 1002), ([0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007),
            ([0x88, 0x83, 0, 0, 0, 0, 3, 232, 0xFF], 1007),
        ])
    func violations(bytes: [UInt8], code: Int) async throws {
        let ended = Latch()
        let entry = webSocketEntry { socket in
            defer { ended.open() }
            return await echo(socket)
        }
        try await RunningServer.with(
            limits: .changed { $0.webSocketEnd = .milliseconds(300) }, http: entry
        ) { server in
            try await RawConnection.with(port: server.port) { connection in
                let peer = try await WebSocketPeer.open(connection)
                try await connection.send(bytes)
                #expect(try await peer.next()?.code == code)
                #expect(try await peer.next() == nil)
            }
            try await ended.wait()
        }
    }

    @Test(
        "after a close that breaks the rules no other is waited for",
        arguments: [[0x88, 0x81, 0, 0, 0, 0, 3], [0x88, 0x82, 0, 0, 0, 0, 3, 237]])
    func badClose(bytes: [UInt8]) async throws {
        try await RunningServer.with(
            limits: .changed { $0.webSocketEnd = .seconds(3600) }, http: webSocketEntry(echo)
        ) { server in
            try await RawConnection.with(port: server.port) { connection in
                let peer = try await WebSocketPeer.open(connection)
                try await connection.send(bytes)
                #expect(try await peer.next()?.code == 1002)
                #expect(try await peer.next() == nil)
            }
        }
    }

    @Test("a client that vanishes cancels run, which is called once")
    func vanishing() async throws {
        let cancelled = Latch()
        let calls = Lock(0)
        let entry = webSocketEntry { _ in
            calls.withLock { $0 += 1 }
            try? await Task.sleep(for: .seconds(3600))
            cancelled.open()
            return .normal
        }
        try await RunningServer.with(http: entry) { server in
            try await RawConnection.with(port: server.port) { _ = try await WebSocketPeer.open($0) }
            try await cancelled.wait()
            #expect(calls.withLock { $0 } == 1)
        }
    }

    @Test("a shutdown closes with 1001 and cancels run")
    func shutdown() async throws {
        let limits = ListenerLimits.changed { $0.shutdownGrace = .seconds(60) }
        try await RunningServer.with(limits: limits, http: webSocketEntry(echo)) { server in
            try await RawConnection.with(port: server.port) { connection in
                let peer = try await WebSocketPeer.open(connection)
                try await peer.send("up")
                #expect(try await peer.next()?.text == "up")
                server.beginShutdown()
                #expect(try await peer.next()?.code == 1001)
                try await peer.send(8, [3, 233])
                #expect(try await peer.next() == nil)
                #expect(await server.shutDown() < .seconds(30))
            }
        }
    }

    @Test("a client that answers pings stays, beyond HTTP's idle time; a silent one is dropped")
    func pings() async throws {
        let limits = ListenerLimits.changed { $0.idle = .seconds(1) }
        let entry = webSocketEntry(pingInterval: .seconds(3), echo)
        try await RunningServer.with(limits: limits, http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                let peer = try await WebSocketPeer.open(connection)
                for _ in 0..<2 {
                    #expect(try await peer.next()?.opcode == 9)
                    try await peer.send(10)
                }
                var rest: [UInt8] = []
                while let frame = try await peer.next() { rest.append(frame.opcode) }
                #expect(rest.first == 9)
                #expect(rest.last == 8)
            }
        }
    }

    @Test("a client that does not read holds send back")
    func slowReader() async throws {
        let sent = Lock(0)
        let entry = webSocketEntry { socket in
            let piece = WebSocketMessage.binary([UInt8](repeating: 1, count: 1 << 20))
            while (try? await socket.send(piece)) != nil { sent.withLock { $0 += 1 } }
            return .normal
        }
        try await RunningServer.with(http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                _ = try await WebSocketPeer.open(connection)
                var last = -1
                let stalled = await eventually {
                    defer { last = sent.withLock { $0 } }
                    try? await Task.sleep(for: .milliseconds(300))
                    return last > 0 && sent.withLock { $0 } == last
                }
                #expect(stalled)
                #expect(sent.withLock { $0 } < 64)
            }
        }
    }

    @Test("an answer of 101 to what is no upgrade is 500, and run is called once, cancelled")
    func noUpgrade() async throws {
        let calls = Lock(0)
        let entry: HTTPEntry = { request in
            WebSocketHandshake.accept(
                request,
                WebSocketUpgrade(maxMessageSize: 1, pingInterval: .seconds(9)) { socket in
                    calls.withLock { $0 += 1 }
                    try? await Task.sleep(for: .seconds(3600))
                    await #expect(throws: WebSocketFailure.self) { try await socket.receive() }
                    return .normal
                })
        }
        try await RunningServer.with(http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(get("/") + "HEAD / HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n")
                let all = try await connection.receiveAll()
                #expect(all.split(separator: "HTTP/1.1 500 ").count == 2)
                #expect(calls.withLock { $0 } == 2)
            }
        }
    }

    @Test("a refused upgrade ends the connection: the decoder reads nothing after it")
    func refused() async throws {
        try await RunningServer.with { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(get("/", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings"))
                let all = try await connection.receiveAll()
                #expect(all.hasSuffix("hello"))
                #expect(all.lowercased().contains("connection: close"))
            }
        }
    }

    @Test("a reason is cut at a character, below 124 bytes")
    func longReason() {
        #expect(WebSocketClose(1000, String(repeating: "a", count: 123)).reasonThatFits.count == 123)
        #expect(WebSocketClose(1000, String(repeating: "a", count: 124)).reasonThatFits.count == 123)
        #expect(WebSocketClose(1000, String(repeating: "ä", count: 62)).reasonThatFits.count == 122)
    }
}
