import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTP

@Suite("HTTP/1.1 on the port")
struct HTTPListenerTests {
    /// Tells what came: method, path, peer and body.
    private static let mirror: HTTPEntry = { request in
        let body = (try? await request.body.collect(upTo: 1 << 20)) ?? Array("broken".utf8)
        let text = "\(request.head.method) \(request.head.path ?? "") \(request.client.peer ?? "-") "
        return .text(.ok, text + String(decoding: body, as: UTF8.self) + "|")
    }

    @Test("requests follow each other on one connection")
    func keepAlive() async throws {
        try await RunningServer.with(http: Self.mirror) { server in
            try await RawConnection.with(port: server.port) { connection in
                for path in ["/a", "/b?x=1"] {
                    try await connection.send(get(path))
                    let answer = try await connection.receive(through: "|")
                    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
                    #expect(answer.hasSuffix("GET \(path) 127.0.0.1 |"))
                    #expect(answer.lowercased().contains("\r\ndate: "))
                }
            }
        }
    }

    @Test("two requests in one segment are both answered, in order")
    func pipelined() async throws {
        try await RunningServer.with(http: Self.mirror) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(get("/1") + post("/2", "two") + get("/3", "Connection: close"))
                let all = try await connection.receiveAll()
                let order = ["GET /1", "POST /2 127.0.0.1 two|", "GET /3"].compactMap { all.range(of: $0)?.lowerBound }
                #expect(order.count == 3)
                #expect(order == order.sorted())
            }
        }
    }

    @Test("a request that comes byte by byte is whole")
    func bytewise() async throws {
        try await RunningServer.with(http: Self.mirror) { server in
            try await RawConnection.with(port: server.port) { connection in
                for byte in post("/slow", "body").utf8 {
                    try await connection.send([byte])
                    await Task.yield()
                }
                #expect(try await connection.receive(through: "|").hasSuffix("POST /slow 127.0.0.1 body|"))
            }
        }
    }

    @Test("a chunked body is read to its end")
    func chunked() async throws {
        try await RunningServer.with(http: Self.mirror) { server in
            try await RawConnection.with(port: server.port) { connection in
                let head = "POST /c HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"
                try await connection.send(head + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
                #expect(try await connection.receive(through: "|").hasSuffix("abcde|"))
            }
        }
    }

    @Test("the connection is closed when the client wants it, and says so", arguments: ["close", "Close"])
    func connectionClose(word: String) async throws {
        try await RunningServer.with(http: Self.mirror) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(get("/", "Connection: \(word)"))
                #expect(try await connection.receiveAll().lowercased().contains("\r\nconnection: close\r\n"))
            }
        }
    }

    @Test("an HTTP/1.0 client is answered and the connection closed")
    func http10() async throws {
        try await RunningServer.with(http: Self.mirror) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send("GET /old HTTP/1.0\r\n\r\n")
                #expect(try await connection.receiveAll().hasSuffix("GET /old 127.0.0.1 |"))
            }
        }
    }

    @Test("a client that sends and ends its side at once gets its answer")
    func requestThenFIN() async throws {
        try await RunningServer.with(http: Self.mirror) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(post("/fin", "x"))
                await connection.finishSending()
                #expect(try await connection.receiveAll().hasSuffix("POST /fin 127.0.0.1 x|"))
            }
        }
    }

    @Test("the answer to HEAD has the length and no body, and the connection goes on")
    func head() async throws {
        try await RunningServer.with { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send("HEAD / HTTP/1.1\r\nHost: g\r\n\r\n" + get("/", "Connection: close"))
                let all = try await connection.receiveAll()
                #expect(all.components(separatedBy: "hello").count == 2)
                #expect(all.lowercased().components(separatedBy: "content-length: 5\r\n").count == 3)
            }
        }
    }

    @Test(
        "what is no HTTP gets 400 and a closed connection",
        arguments: ["\u{16}\u{3}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "nonsense\r\n\r\n"])
    func garbage(bytes: String) async throws {
        try await RunningServer.with { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(bytes)
                #expect(try await connection.receiveAll().hasPrefix("HTTP/1.1 400 "))
            }
        }
    }

    @Test("a head larger than the limit gets 400")
    func largeHead() async throws {
        try await RunningServer.with(limits: .changed { $0.maxHeaderSize = 4096 }) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(get("/", "X-Filler: " + String(repeating: "x", count: 8192)))
                #expect(try await connection.receiveAll().hasPrefix("HTTP/1.1 400 "))
            }
        }
    }

    @Test("100 Continue is sent when the body is wanted")
    func expectContinue() async throws {
        try await RunningServer.with(http: Self.mirror) { server in
            try await RawConnection.with(port: server.port) { connection in
                let head = "POST /e HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
                try await connection.send(head)
                #expect(try await connection.receive(through: "\r\n\r\n").hasPrefix("HTTP/1.1 100 Continue"))
                try await connection.send("ok")
                let answer = try await connection.receive(through: "|")
                #expect(answer.hasPrefix("HTTP/1.1 200 OK"))
                #expect(answer.hasSuffix("ok|"))
            }
        }
    }

    @Test("a refused body is not asked for, and the connection ends")
    func expectRefused() async throws {
        try await RunningServer.with(http: { _ in .text(.unauthorized, "no") }) { server in
            try await RawConnection.with(port: server.port) { connection in
                let head = "POST /e HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
                try await connection.send(head)
                await connection.finishSending()
                let answer = try await connection.receiveAll()
                #expect(answer.hasPrefix("HTTP/1.1 401 "))
                #expect(answer.lowercased().contains("connection: close"))
            }
        }
    }

    @Test("a body that nobody read does not disturb the next request")
    func unreadBody() async throws {
        try await RunningServer.with { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(post("/1", String(repeating: "x", count: 300_000)))
                #expect(try await connection.receive(through: "hello").hasPrefix("HTTP/1.1 200"))
                try await connection.send(get("/2", "Connection: close"))
                #expect(try await connection.receiveAll().hasPrefix("HTTP/1.1 200"))
            }
        }
    }

    @Test("an unwanted body that is too long to skip ends the connection after the answer")
    func unreadLongBody() async throws {
        try await RunningServer.with(limits: .changed { $0.maxSkippedBody = 100_000 }) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(
                    "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 1000000\r\n\r\n"
                        + String(repeating: "x", count: 1000))
                let answer = try await connection.receive(through: "hello")
                #expect(answer.lowercased().contains("connection: close"))
            }
        }
    }
}
