import Foundation
import GRPC
import HTTP
import TestSupport
import Testing

@Suite("gRPC on the same port")
struct GRPCListenerTests {
    @Test("calls and HTTP requests share the port, and both see the peer")
    func bothProtocols() async throws {
        try await RunningGateway.with(services: [EchoService()]) { gateway in
            let answers = try await withEchoClient(port: gateway.port) { try await $0.echo(["one", "two"]) }
            #expect(answers.map { $0.split(separator: " ").last } == ["one", "two"])
            #expect(answers.allSatisfy { $0.hasPrefix("127.0.0.1 ") })
            try await RawConnection.with(port: gateway.port) { connection in
                try await connection.send(get("/", "Connection: close"))
                #expect(try await connection.receiveAll().hasSuffix("hello"))
            }
        }
    }

    @Test("a message of 10 MiB passes, one above the limit does not")
    func largeMessage() async throws {
        try await RunningGateway.with(services: [EchoService()]) { gateway in
            try await withEchoClient(port: gateway.port) { client in
                let large = String(repeating: "m", count: 10 << 20)
                let answer = try await client.echo([large])
                #expect(answer.first?.hasSuffix(" 10485760 bytes") == true)
                // The stream ends while the client is still sending; which code it sees depends on what it reads first.
                await #expect(throws: GRPCStatus.self) {
                    try await client.echo([String(repeating: "m", count: 21 << 20)])
                }
            }
        }
    }

    @Test("many clients at once are all served")
    func manyClients() async throws {
        try await RunningGateway.with(services: [EchoService()]) { gateway in
            try await withThrowingTaskGroup(of: [String].self) { group in
                for number in 0..<20 {
                    group.addTask {
                        try await withEchoClient(port: gateway.port) { try await $0.echo(["\(number)", "again"]) }
                    }
                }
                var count = 0
                for try await answers in group { count += answers.count }
                #expect(count == 40)
            }
        }
    }

    @Test("connections of gRPC clients that left do not stay open")
    func noLeakedDescriptors() async throws {
        try await RunningGateway.with(services: [EchoService()]) { gateway in
            _ = try await withEchoClient(port: gateway.port) { try await $0.echo(["warm"]) }
            let before = openSockets(to: gateway.port)
            for _ in 0..<20 {
                try await RawConnection.with(port: gateway.port) { connection in
                    // The preface and an empty SETTINGS frame; then only our side is ended.
                    try await connection.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
                    try await connection.send([0, 0, 0, 4, 0, 0, 0, 0, 0])
                    _ = try await connection.next()
                    await connection.finishSending()
                    while try await connection.next() != nil {}
                }
            }
            #expect(await eventually { openSockets(to: gateway.port) <= before })
        }
    }

    @Test("a preface sent byte by byte is understood")
    func prefaceBytewise() async throws {
        try await RunningGateway.with(services: [EchoService()]) { gateway in
            try await RawConnection.with(port: gateway.port) { connection in
                for byte in "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8 { try await connection.send([byte]) }
                try await connection.send([0, 0, 0, 4, 0, 0, 0, 0, 0])
                // The server answers with a SETTINGS frame of its own.
                let answer = try await connection.next() ?? []
                try #require(answer.count > 9)
                #expect(answer[3] == 4)
            }
        }
    }
}

/// `security.md`, "gRPC path tricks": requests that no client library sends, as raw HTTP/2.
@Suite("gRPC path tricks")
struct GRPCPathTests {
    /// Literal header fields without indexing or Huffman coding.
    private static func headers(_ fields: [(String, String)]) -> [UInt8] {
        var block: [UInt8] = []
        for (name, value) in fields {
            block += [0, UInt8(name.utf8.count)] + Array(name.utf8)
            block += [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        // A HEADERS frame with END_HEADERS on stream 1, then an empty gRPC message that ends the stream.
        let head: [UInt8] = [0, 0, UInt8(block.count), 1, 4, 0, 0, 0, 1]
        let data: [UInt8] = [0, 0, 5, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]
        return head + block + data
    }

    private static let others = [
        (":method", "POST"), (":scheme", "http"), (":authority", "g"), ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]

    private func isServed(_ pseudo: [(String, String)]) async throws -> Bool {
        try await RunningGateway.with(services: [EchoService()]) { gateway in
            try await RawConnection.with(port: gateway.port) { connection in
                try await connection.send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0])
                try await connection.send(Self.headers(pseudo + Self.others))
                // The echo of an empty message names the peer; every other end of the stream does not.
                var all: [UInt8] = []
                _ = await eventually(within: .seconds(2)) {
                    guard let more = try? await connection.next() else { return true }
                    all += more
                    let text = String(decoding: all, as: UTF8.self)
                    return text.contains("127.0.0.1") || text.contains("grpc-status") || Self.hasEnded(all)
                }
                return String(decoding: all, as: UTF8.self).contains("127.0.0.1")
            }
        }
    }

    /// Whether a RST_STREAM, a GOAWAY or a HEADERS frame that ends the stream is among the frames.
    private static func hasEnded(_ bytes: [UInt8]) -> Bool {
        var start = 0
        while start + 9 <= bytes.count {
            let length = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
            let (kind, flags) = (bytes[start + 3], bytes[start + 4])
            if kind == 3 || kind == 7 || kind == 1 && flags & 1 == 1 { return true }
            start += 9 + length
        }
        return false
    }

    @Test("the raw client reaches the service by its proper path")
    func proper() async throws {
        #expect(try await isServed([(":path", "/test.Echo/Talk")]))
    }

    @Test(
        "other spellings of the path are not dispatched",
        arguments: [
            "test.Echo/Talk", "//test.Echo/Talk", "/test.Echo/Talk/", "/test.echo/talk", "/x/../test.Echo/Talk", "",
        ])
    func spellings(path: String) async throws {
        #expect(try await !isServed([(":path", path)]))
    }

    @Test("a second path is not dispatched, in either order")
    func duplicates() async throws {
        #expect(try await !isServed([(":path", "/test.Echo/Talk"), (":path", "/other/Method")]))
        #expect(try await !isServed([(":path", "/other/Method"), (":path", "/test.Echo/Talk")]))
    }
}

/// Established connections of this process whose local port is the gateway's.
private func openSockets(to port: Int) -> Int {
    let hex = String(format: ":%04X", port)
    let table = (try? String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)) ?? ""
    return table.split(separator: "\n").filter { line in
        let columns = line.split(separator: " ", omittingEmptySubsequences: true)
        // 06 is TIME_WAIT, 0A is LISTEN: neither holds a connection open.
        return columns.count > 3 && columns[1].hasSuffix(hex) && !["06", "0A"].contains(columns[3])
    }.count
}
