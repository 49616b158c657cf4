import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("The server", .timeLimit(.minutes(5)))
struct HTTPServerTests {
    /// Preface, empty SETTINGS, and a GET of `/` on stream 1 with fields that HPACK knows or that are spelled out.
    private static let request: [UInt8] =
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
        + [0, 0, 7, 1, 5, 0, 0, 0, 1, 0x82, 0x84, 0x86, 0x41, 2] + Array("hh".utf8)

    @Test("HTTP/2 is served on the same port, and a stop says GOAWAY, finishes what is in hand and ends")
    func http2() async throws {
        let (begun, release) = (Latch(), Latch())
        let entry: HTTPEntry = { request in
            begun.open()
            try? await release.wait()
            return .text(.ok, "late answer to \(request.head.authority ?? "-")")
        }
        try await RunningServer.with(http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(Self.request)
                try await begun.wait()
                server.beginShutdown()
                // A notice of a GOAWAY (type 7) with the highest of all streams.
                let notice: [UInt8] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF]
                #expect(try await connection.receive(through: notice))
                release.open()
                #expect(try await connection.receive(through: Array("late answer to hh".utf8)))
                while try await connection.next() != nil {}
            }
            #expect(await eventually { server.server.connectionCount == 0 })
        }
    }

    @Test("work that goes on when its client has gone is waited for at a stop, on either protocol")
    func workIsWaitedFor() async throws {
        let begun = [Latch(), Latch()]
        let ended = Lock(0)
        let entry: HTTPEntry = { request in
            begun[request.head.authority == "hh" ? 1 : 0].open()
            // Does not mind being cancelled.
            await Task { try? await Task.sleep(for: .milliseconds(300)) }.value
            ended.withLock { $0 += 1 }
            return .empty(.ok)
        }
        try await RunningServer.with(http: entry) { server in
            try await RawConnection.with(port: server.port) { first in
                try await RawConnection.with(port: server.port) { second in
                    try await first.send(get("/"))
                    try await second.send(Self.request)
                    for latch in begun { try await latch.wait() }
                    await first.reset()
                    await second.reset()
                    _ = await server.shutDown()
                    #expect(ended.withLock { $0 } == 2)
                }
            }
        }
    }

    @Test("an address may keep so many connections that show nothing, and no more, whatever they do")
    func guests() async throws {
        let limits = ListenerLimits.changed {
            $0.connectionsOfStrangers = 2
            $0.connectionsOfUser = 1
        }
        let http: HTTPEntry = { request in
            if request.head.headerFields[.authorization] == "known" { request.isOf(user: 7) }
            return .text(.ok, "hello")
        }
        try await RunningServer.with(limits: limits, http: http) { server in
            try await RawConnection.with(port: server.port) { first in
                try await RawConnection.with(port: server.port) { second in
                    try await second.send("G")
                    #expect(await eventually { server.server.connectionCount == 2 })
                    try await RawConnection.with(port: server.port) { third in
                        #expect(((try? await third.receiveAll()) ?? "") == "")
                    }
                    // One that was answered keeps its place, also with a credential that nobody believes.
                    for request in [get("/"), get("/", "Authorization: unknown", "Cookie: a=b")] {
                        try await first.send(request)
                        #expect(try await first.receive(through: "hello").hasPrefix("HTTP/1.1 200"))
                        try await RawConnection.with(port: server.port) { third in
                            #expect(((try? await third.receiveAll()) ?? "") == "")
                        }
                    }
                    // A user's leaves it.
                    try await first.send(get("/", "Authorization: known"))
                    #expect(try await first.receive(through: "hello").hasPrefix("HTTP/1.1 200"))
                    try await RawConnection.with(port: server.port) { fourth in
                        // Served all the same, the user's second counts for the address.
                        try await fourth.send(get("/", "Authorization: known"))
                        #expect(try await fourth.receive(through: "hello").hasPrefix("HTTP/1.1 200"))
                        try await RawConnection.with(port: server.port) { fifth in
                            #expect(((try? await fifth.receiveAll()) ?? "") == "")
                        }
                    }
                }
            }
        }
    }

    @Test(
        "who takes nothing of an answer loses the connection, who takes a little now and then does not")
    func unreadAnswers() async throws {
        let length = 16 << 20
        let answer = Array(repeating: UInt8(ascii: "x"), count: length)
        try await RunningServer.with(
            limits: .changed { $0.idle = .seconds(4) },
            http: { request in
                guard request.path == "/stream" else {
                    return OutboundResponse(head: HTTPResponse(status: .ok), body: .bytes(answer))
                }
                return OutboundResponse(
                    head: HTTPResponse(status: .ok),
                    body: .stream(length: Int64(length)) { write in
                        for start in stride(from: 0, to: length, by: 1 << 20) {
                            try await write(Array(answer[start..<start + (1 << 20)]))
                        }
                    })
            }
        ) { server in
            for path in ["/", "/stream"] {
                try await RawConnection.with(port: server.port) { idle in
                    try await RawConnection.with(port: server.port) { slow in
                        try await idle.send(get(path))
                        try await slow.send(get(path))
                        var heard = 0
                        for part in 1...6 {
                            while heard < part * (2 << 20) { heard += try #require(try await slow.next()).count }
                            try await Task.sleep(for: .milliseconds(500))
                        }
                        #expect(await eventually { server.server.connectionCount == 1 })
                        while heard < length { heard += try #require(try await slow.next()).count }
                    }
                }
            }
        }
    }

    @Test("connections that come and go leave nothing behind")
    func churn() async throws {
        try await RunningServer.with { server in
            for round in 0..<200 {
                try await RawConnection.with(port: server.port) { connection in
                    switch round % 4 {
                    case 0: break
                    case 1: try await connection.send("GET / HT")
                    case 2:
                        try await connection.send(get("/"))
                        _ = try await connection.receive(through: "hello")
                    default: await connection.reset()
                    }
                }
            }
            #expect(await eventually { server.server.connectionCount == 0 })
        }
    }
}

extension RawConnection {
    /// Receives until the bytes have come.
    /// - Returns: `false` when the connection ends before.
    fileprivate func receive(through wanted: [UInt8]) async throws -> Bool {
        var bytes = takeReceived()
        while bytes.firstRange(of: wanted) == nil {
            guard let more = try await next() else { return false }
            bytes += more
        }
        return true
    }
}
