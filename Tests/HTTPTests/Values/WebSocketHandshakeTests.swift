import Testing

@testable import HTTP

@Suite("The WebSocket handshake (RFC 6455 4.2)")
struct WebSocketHandshakeTests {
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="

    private static func request(_ change: (inout HTTPRequest) -> Void = { _ in }) -> InboundRequest {
        var head = HTTPRequest(
            method: .get, scheme: "http", authority: "h", path: "/ws",
            headerFields: [
                .upgrade: "websocket", .connection: "Upgrade", .secWebSocketVersion: "13", .secWebSocketKey: key,
            ])
        change(&head)
        return InboundRequest(
            head: head, id: "1", client: ClientAddress(peer: nil, real: nil), isSecure: false, body: .empty)
    }

    @Test("the key of the RFC is answered as the RFC does, and nothing else is promised")
    func golden() throws {
        let request = Self.request {
            $0.headerFields[.secWebSocketProtocol] = "chat"
            $0.headerFields[.secWebSocketExtensions] = "permessage-deflate"
        }
        #expect(WebSocketHandshake.refusal(of: request) == nil)
        let fields = try #require(WebSocketHandshake.fields(for: request.head))
        #expect(
            fields == [
                .upgrade: "websocket", .connection: "Upgrade",
                .secWebSocketAccept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            ])
    }

    @Test(
        "case and company of the tokens do not matter",
        arguments: [("WebSocket", "upgrade"), ("h2c, websocket", "keep-alive, Upgrade"), ("websocket ", " UPGRADE ,x")])
    func tokens(upgrade: String, connection: String) {
        let request = Self.request {
            $0.headerFields[.upgrade] = upgrade
            $0.headerFields[.connection] = connection
        }
        #expect(WebSocketHandshake.refusal(of: request) == nil)
    }

    @Test(
        "what is no upgrade gets 400 in plain text",
        arguments: [
            request { $0.method = .post }, request { $0.method = .head },
            request { $0.headerFields[.upgrade] = nil }, request { $0.headerFields[.upgrade] = "h2c" },
            request { $0.headerFields[.upgrade] = "websockets" },
            request { $0.headerFields[.connection] = "keep-alive" },
            request { $0.headerFields[.connection] = nil },
            request { $0.headerFields[.contentLength] = "1" },
            request { $0.headerFields[.transferEncoding] = "chunked" },
            request { $0.headerFields[.secWebSocketKey] = nil },
            request { $0.headerFields[.secWebSocketKey] = "" },
            request { $0.headerFields[.secWebSocketKey] = "dGhlIHNhbXBsZSBub25jZQ" },
            // 15 and 17 bytes.
            request { $0.headerFields[.secWebSocketKey] = "AAAAAAAAAAAAAAAAAAAA" },
            request { $0.headerFields[.secWebSocketKey] = "AAAAAAAAAAAAAAAAAAAAAAA=" },
            request { $0.headerFields.append(HTTPField(name: .secWebSocketKey, value: key)) },
        ])
    func refused(request: InboundRequest) throws {
        let refusal = try #require(WebSocketHandshake.refusal(of: request))
        #expect(refusal.head.status == .badRequest)
        #expect(refusal.head.headerFields[.contentType] == "text/plain; charset=utf-8")
        #expect(WebSocketHandshake.fields(for: request.head) == nil)
    }

    @Test("another version, or none, gets 426 and the one we speak", arguments: [nil, "8", "14", "13, 8"])
    func version(offered: String?) throws {
        let refusal = try #require(
            WebSocketHandshake.refusal(of: Self.request { $0.headerFields[.secWebSocketVersion] = offered }))
        #expect(refusal.head.status == .upgradeRequired)
        #expect(refusal.head.headerFields[.secWebSocketVersion] == "13")
    }
}
