import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("The server", .timeLimit(.minutes(1)))
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

    @Test("an address may keep so many connections that show nothing, and no more")
    func guests() async throws {
        try await RunningServer.with(limits: .changed { $0.waitingForOneAddress = 2 }) { server in
            try await RawConnection.with(port: server.port) { first in
                try await RawConnection.with(port: server.port) { second in
                    try await second.send("G")
                    #expect(await eventually { server.server.connectionCount == 2 })
                    try await RawConnection.with(port: server.port) { third in
                        #expect(((try? await third.receiveAll()) ?? "") == "")
                    }
                    // One that was answered leaves its place.
                    try await first.send(get("/"))
                    #expect(try await first.receive(through: "hello").hasPrefix("HTTP/1.1 200"))
                    try await RawConnection.with(port: server.port) { fourth in
                        try await fourth.send(get("/"))
                        #expect(try await fourth.receive(through: "hello").hasPrefix("HTTP/1.1 200"))
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
