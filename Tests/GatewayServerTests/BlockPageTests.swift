import HTTP
import JSON
import MCPServer
import Testing

@testable import GatewayServer

@Suite("What a blocked address is told")
struct BlockPageTests {
    private func answer(_ path: String, accept: String? = nil) -> OutboundResponse {
        var head = HTTPRequest(method: .get, scheme: "http", authority: "gateway.test", path: path)
        head.headerFields[.accept] = accept
        let request = InboundRequest(
            head: head, id: "r-1", client: ClientAddress(peer: nil, real: nil), isSecure: false, body: .empty)
        return BlockPage.response(to: request, PathTable.rule(of: request.path), seconds: 7)
    }

    @Test(
        "programs are told in JSON, browsers by a page, both when to come again",
        arguments: [
            ("/mcp", nil, true), ("/mcp?names=underscore", "application/json, text/event-stream", true),
            ("/mcp/download/x", "*/*", true), ("/api/v1/server", "*/*", true), ("/api", nil, true),
            ("/.well-known/oauth-protected-resource", nil, true), ("/api/v1/server", "text/html,*/*;q=0.8", false),
            ("/", nil, false), ("/mcpx", nil, false), ("/apix", nil, true), ("/API/v1", nil, false),
            ("/register", nil, true), ("/dashboard/", "*/*", false),
        ] as [(String, String?, Bool)])
    func kinds(path: String, accept: String?, isJSON: Bool) throws {
        let answer = answer(path, accept: accept)
        #expect(answer.head.status == .forbidden)
        #expect(answer.head.headerFields[.retryAfter] == "7")
        #expect(answer.head.headerFields[.cacheControl] == "no-store")
        let type = try #require(answer.head.headerFields[.contentType])
        #expect(type == (isJSON ? "application/json; charset=utf-8" : "text/html; charset=utf-8"))
        guard isJSON, case .bytes(let bytes) = answer.body else { return }
        let body = try JSONParser.parse(bytes)
        #expect(body["error"]?.stringValue?.hasSuffix("try again in 7 s") == true)
        #expect(body["success"] == (path.hasPrefix("/api") ? false : nil))
    }
}
