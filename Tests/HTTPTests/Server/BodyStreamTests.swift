import Foundation
import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("Bodies that are streamed")
struct BodyStreamTests {
    private struct Failed: Error {}

    /// Counts what passed, for both ends of a stream.
    private final class Counter: Sendable {
        private let value = Lock(0)
        var count: Int { value.withLock { $0 } }
        func add(_ more: Int) { value.withLock { $0 += more } }
    }

    @Test("a reader that does not read holds the sender back")
    func uploadBackPressure() async throws {
        let release = Latch()
        let received = Counter()
        let entry: HTTPEntry = { request in
            _ = try? await request.body.next()
            try? await release.wait()
            while let chunk = try? await request.body.next() { received.add(chunk.count) }
            return .text(.ok, "read")
        }
        try await RunningServer.with(http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                let total = 160 << 20
                try await connection.send("POST /up HTTP/1.1\r\nHost: g\r\nContent-Length: \(total)\r\n\r\n")
                let sent = Counter()
                async let sending: Void = {
                    let piece = [UInt8](repeating: 7, count: 1 << 20)
                    for _ in 0..<160 {
                        try await connection.send(piece)
                        sent.add(piece.count)
                    }
                }()
                // What was sent stops growing well below the whole: the buffers of the sockets (32 MiB on some machines)
                // and a few chunks.
                var last = -1
                let stalled = await eventually {
                    defer { last = sent.count }
                    try? await Task.sleep(for: .milliseconds(200))
                    return sent.count == last && last > 0
                }
                #expect(stalled)
                #expect(sent.count < 80 << 20)
                release.open()
                try await sending
                #expect(try await connection.receive(through: "read").hasPrefix("HTTP/1.1 200"))
                #expect(received.count > 159 << 20)
            }
        }
    }

    @Test("a streamed answer of known length has that length")
    func downloadWithLength() async throws {
        let entry: HTTPEntry = { _ in
            OutboundResponse(
                head: HTTPResponse(status: .ok),
                body: .stream(length: 6) { write in
                    for part in ["ab", "", "cd", "ef"] { try await write(Array(part.utf8)) }
                })
        }
        try await RunningServer.with(http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(get("/1") + get("/2", "Connection: close"))
                let all = try await connection.receiveAll()
                #expect(all.components(separatedBy: "abcdef").count == 3)
                #expect(all.lowercased().contains("content-length: 6\r\n"))
            }
        }
    }

    @Test("a streamed answer of unknown length is chunked")
    func downloadChunked() async throws {
        let entry: HTTPEntry = { _ in
            OutboundResponse(
                head: HTTPResponse(status: .ok),
                body: .stream(length: nil) { write in
                    try await write(Array("abc".utf8))
                    try await write(Array("de".utf8))
                })
        }
        try await RunningServer.with(http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(get("/"))
                let all = try await connection.receive(through: "0\r\n\r\n")
                #expect(all.contains("3\r\nabc\r\n2\r\nde\r\n"))
            }
        }
    }

    @Test("a stream that fails, or is not as long as announced, breaks the connection", arguments: [true, false])
    func brokenDownload(throwing: Bool) async throws {
        let entry: HTTPEntry = { _ in
            OutboundResponse(
                head: HTTPResponse(status: .ok),
                body: .stream(length: 100) { write in
                    try await write(Array("part".utf8))
                    if throwing { throw Failed() }
                })
        }
        try await RunningServer.with(http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(get("/"))
                let all = (try? await connection.receiveAll()) ?? ""
                #expect(all.isEmpty || all.hasSuffix("part"))
            }
        }
    }

    @Test("a slow client holds the writer back, and one that leaves ends it")
    func downloadBackPressure() async throws {
        let written = Counter()
        let (calls, ended) = (Counter(), Latch())
        let entry: HTTPEntry = { _ in
            OutboundResponse(
                head: HTTPResponse(status: .ok),
                body: .stream(length: nil) { write in
                    calls.add(1)
                    defer { ended.open() }
                    let piece = [UInt8](repeating: 7, count: 1 << 20)
                    for _ in 0..<256 {
                        try await write(piece)
                        written.add(piece.count)
                    }
                })
        }
        try await RunningServer.with(http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(get("/"))
                #expect(await eventually { written.count > 0 })
                try await Task.sleep(for: .milliseconds(500))
                #expect(written.count < 64 << 20)
            }
            try await ended.wait()
            #expect(calls.count == 1)
        }
    }

    @Test("the stream is called once even when the client left before the answer")
    func calledOnce() async throws {
        let (calls, failures) = (Counter(), Counter())
        let called = Latch()
        let entry: HTTPEntry = { _ in
            try? await Task.sleep(for: .seconds(3600))
            return OutboundResponse(
                head: HTTPResponse(status: .ok),
                body: .stream(length: nil) { write in
                    calls.add(1)
                    defer { called.open() }
                    do {
                        for _ in 0..<1000 { try await write([1]) }
                    } catch {
                        failures.add(1)
                        throw error
                    }
                })
        }
        try await RunningServer.with(limits: .changed { $0.halfClosed = .milliseconds(50) }, http: entry) { server in
            try await RawConnection.with(port: server.port) { try await $0.send(get("/")) }
            try await called.wait()
            #expect(calls.count == 1)
            #expect(failures.count == 1)
        }
    }

    @Test("HEAD calls the stream, whose first write fails, and sends nothing of it")
    func headOfStream() async throws {
        let calls = Counter()
        let entry: HTTPEntry = { _ in
            OutboundResponse(
                head: HTTPResponse(status: .ok),
                body: .stream(length: 5) { write in
                    calls.add(1)
                    try await write(Array("bytes".utf8))
                })
        }
        try await RunningServer.with(http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send("HEAD / HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n")
                let all = try await connection.receiveAll()
                #expect(all.lowercased().contains("content-length: 5"))
                #expect(all.hasSuffix("\r\n\r\n"))
                #expect(calls.count == 1)
            }
        }
    }

    @Test("a body whose sender leaves is broken")
    func brokenUpload() async throws {
        let broken = Latch()
        let entry: HTTPEntry = { request in
            do { while try await request.body.next() != nil {} } catch { broken.open() }
            return .text(.ok, "")
        }
        try await RunningServer.with(http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send("POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\nabc")
            }
            try await broken.wait()
        }
    }
}
