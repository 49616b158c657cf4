import Logging
import Synchronization
import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("When connections end")
struct ConnectionLifeTests {
    @Test("a connection on which nothing is said is closed after a time", arguments: ["", "P", "PRI * HTTP"])
    func silentConnection(said: String) async throws {
        try await RunningServer.with(limits: .changed { $0.undecided = .milliseconds(200) }) { server in
            try await RawConnection.with(port: server.port) { connection in
                if !said.isEmpty { try await connection.send(said) }
                #expect(try await connection.receiveAll() == "")
            }
        }
    }

    @Test("a client that ends before it said anything is let go")
    func endsUndecided() async throws {
        try await RunningServer.with(limits: .changed { $0.undecided = .seconds(3600) }) { server in
            try await RawConnection.with(port: server.port) { connection in
                await connection.finishSending()
                let received = try await connection.receiveAll()
                #expect(received == "")
            }
        }
    }

    @Test("an idle connection is closed after a time")
    func idle() async throws {
        try await RunningServer.with(limits: .changed { $0.idle = .milliseconds(200) }) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(get("/"))
                #expect(try await connection.receiveAll().hasSuffix("hello"))
            }
        }
    }

    @Test("a shutdown does not wait for silent and idle connections")
    func shutdownWithSilence() async throws {
        try await RunningServer.with(limits: .changed { $0.shutdownGrace = .seconds(60) }) { server in
            try await RawConnection.with(port: server.port) { silent in
                try await RawConnection.with(port: server.port) { idle in
                    try await idle.send(get("/"))
                    _ = try await idle.receive(through: "hello")
                    #expect(await server.shutDown() < .seconds(30))
                    #expect(try await idle.receiveAll() == "")
                }
                #expect(try await silent.receiveAll() == "")
            }
        }
    }

    @Test("a shutdown lets the request in hand finish")
    func shutdownWithRequest() async throws {
        let started = Latch()
        let entry: HTTPEntry = { _ in
            started.open()
            try? await Task.sleep(for: .milliseconds(500))
            return .text(.ok, "finished")
        }
        try await RunningServer.with(limits: .changed { $0.shutdownGrace = .seconds(60) }, http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(get("/"))
                // A request that is not in hand yet is turned away.
                try await started.wait()
                let took = await server.shutDown()
                #expect(try await connection.receiveAll().hasSuffix("finished"))
                #expect(took < .seconds(30))
            }
        }
    }

    @Test("a request that goes on beyond the grace is cancelled")
    func shutdownWithEndlessRequest() async throws {
        let begun = Latch()
        let cancelled = Latch()
        let entry: HTTPEntry = { _ in
            begun.open()
            do { try await Task.sleep(for: .seconds(3600)) } catch { cancelled.open() }
            return .text(.ok, "cut off")
        }
        try await RunningServer.with(limits: .changed { $0.shutdownGrace = .milliseconds(300) }, http: entry) {
            server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(get("/"))
                try await begun.wait()
                // It would sleep for an hour.
                #expect(await server.shutDown() < .seconds(30))
                try await cancelled.wait()
            }
        }
    }

    @Test("a client that closes its connection cancels the work done for it")
    func disconnectCancels() async throws {
        let (started, cancelled) = (Latch(), Latch())
        let entry: HTTPEntry = { _ in
            started.open()
            do { try await Task.sleep(for: .seconds(3600)) } catch { cancelled.open() }
            return .text(.ok, "nobody hears this")
        }
        try await RunningServer.with(limits: .changed { $0.halfClosed = .milliseconds(100) }, http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(post("/mcp", "{}"))
                try await started.wait()
            }
            try await cancelled.wait()
        }
    }

    @Test("a client that is reset cancels the work at once")
    func resetCancels() async throws {
        let (started, cancelled) = (Latch(), Latch())
        let entry: HTTPEntry = { _ in
            started.open()
            do { try await Task.sleep(for: .seconds(3600)) } catch { cancelled.open() }
            return .text(.ok, "nobody hears this")
        }
        try await RunningServer.with(limits: .changed { $0.halfClosed = .seconds(3600) }, http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(post("/mcp", "{}"))
                try await started.wait()
                await connection.reset()
            }
            try await cancelled.wait()
        }
    }

    @Test("other requests go on while one client leaves")
    func disconnectOfOne() async throws {
        let entry: HTTPEntry = { request in
            if request.path == "/long" { try? await Task.sleep(for: .seconds(3600)) }
            return .text(.ok, "hello")
        }
        try await RunningServer.with(limits: .changed { $0.halfClosed = .milliseconds(50) }, http: entry) { server in
            try await RawConnection.with(port: server.port) { stays in
                for _ in 0..<5 {
                    try await RawConnection.with(port: server.port) { try await $0.send(get("/long")) }
                    try await stays.send(get("/"))
                    #expect(try await stays.receive(through: "hello").hasPrefix("HTTP/1.1 200"))
                }
            }
        }
    }

    @Test("two servers cannot have the same port, and the error says so")
    func portInUse() async throws {
        try await RunningServer.with { server in
            let second = HTTPServer(logger: Logger(label: "test")) { _ in .empty(.ok) }
            await #expect(throws: ListenFailure.addressInUse) {
                _ = try await second.listen(host: "127.0.0.1", port: UInt16(server.port))
            }
        }
    }
}
