import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import MCPServer
import NIOCore
import Testing

@testable import GatewayServer

@Suite("gRPC on the same port")
struct GRPCListenerTests {
    @Test("calls and HTTP requests share the port, and both see the peer")
    func bothProtocols() async throws {
        try await RunningGateway.with(services: [EchoService()]) { gateway in
            let answers = try await withEchoClient(port: gateway.port) { try await $0.echo(["one", "two"]) }
            #expect(answers.map { $0.split(separator: " ").last } == ["one", "two"])
            #expect(answers.allSatisfy { $0.hasPrefix("ipv4:127.0.0.1:") })
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
                await #expect(throws: RPCError.self) {
                    try await client.echo([String(repeating: "m", count: 17 << 20)])
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
                    connection.finishSending()
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
                var answer = try await connection.next() ?? ByteBuffer()
                #expect(answer.readBytes(length: 4)?.last == 4)
            }
        }
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
