import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("Which protocol a connection speaks", .timeLimit(.minutes(5)))
struct ServerConnectionTests {
    private func connect(
        _ limits: ListenerLimits = ListenerLimits(), alpn: String? = nil, on loop: isolated EventLoop
    ) -> (MemoryTransport, ServerConnection) {
        let transport = MemoryTransport()
        let entry: HTTPEntry = { request in .text(.ok, "\(request.path)|") }
        let connection = ServerConnection(
            HTTPService(limits: limits, entry: entry), HTTP2ServerConfiguration(entry: entry),
            ConnectionInfo(applicationProtocol: alpn), over: transport, on: loop
        ) { _ in }
        transport.attach(connection)
        return (transport, connection)
    }

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    @Test("the first bytes decide, wherever they are cut, and none is lost", arguments: [1, 2, 13, 14, 15, 1000])
    func firstBytes(pieces: Int) async {
        await onOwnLoop { loop in
            for (bytes, isHTTP2) in [
                (Array(post("/p", "x").utf8), false), (Self.preface + [0, 0, 0, 4, 0, 0, 0, 0, 0], true),
            ] {
                let (transport, _) = connect(on: loop)
                var rest = bytes[...]
                while !rest.isEmpty {
                    transport.receive(Array(rest.prefix(pieces)), on: loop)
                    rest = rest.dropFirst(pieces)
                }
                for _ in 0..<4 { await loop.turn() }
                let sent = transport.takeSent()
                // HTTP/2 begins with its SETTINGS, and acknowledges ours.
                if isHTTP2 {
                    #expect(sent.count > 9)
                    #expect(sent.dropFirst(3).first == 4)
                    #expect(sent.contains([0, 0, 0, 4, 1, 0, 0, 0, 0]))
                } else {
                    #expect(String(decoding: sent, as: UTF8.self).hasSuffix("/p|"))
                }
                transport.close(on: loop)
            }
        }
    }

    @Test("ALPN decides before the first byte")
    func negotiated() async {
        await onOwnLoop { loop in
            let (second, _) = connect(alpn: "h2", on: loop)
            await loop.turn()
            #expect(second.takeSent().count > 9)
            second.close(on: loop)
            let (first, _) = connect(alpn: "http/1.1", on: loop)
            first.receive(Self.preface, on: loop)
            for _ in 0..<4 { await loop.turn() }
            #expect(String(decoding: first.takeSent(), as: UTF8.self).hasPrefix("HTTP/1.1 505 "))
            first.close(on: loop)
        }
    }

    @Test("who shows nothing is closed after a time, at its end, and when the server stops")
    func undecided() async throws {
        try await onOwnLoop { loop in
            let limits = ListenerLimits.changed { $0.undecided = .milliseconds(50) }
            let (late, _) = connect(limits, on: loop)
            late.receive("PRI * HT", on: loop)
            let (decided, _) = connect(limits, on: loop)
            decided.receive("GET", on: loop)
            let (patient, _) = connect(on: loop)
            #expect(await eventually { late.isClosed })
            #expect(late.takeSent().isEmpty)
            try await loop.sleep(milliseconds: 100)
            for transport in [decided, patient] {
                #expect(!transport.isClosed)
                transport.close(on: loop)
            }
            let (ended, _) = connect(on: loop)
            ended.receiveEnd(on: loop)
            #expect(ended.isClosed)
            let (stopped, connection) = connect(on: loop)
            connection.stop(on: loop)
            #expect(stopped.isClosed)
        }
    }
}
