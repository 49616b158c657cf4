import HTTP
import Settings
import Testing

@testable import MCPServer

@Suite("Pages of other origins")
struct CrossOriginTests {
    private static let listed = "https://tools.example"

    private static func request(_ origin: String?, _ method: HTTPRequest.Method = .post, asks: Bool = false)
        -> InboundRequest
    {
        var head = HTTPRequest(method: method, scheme: "http", authority: "gate.test", path: "/mcp")
        head.headerFields[.origin] = origin
        if asks { head.headerFields[.accessControlRequestMethod] = "POST" }
        return InboundRequest(
            head: head, id: "r", client: ClientAddress(peer: nil, real: nil), isSecure: false, body: .empty)
    }

    private static func settings(public url: String = "") -> GatewaySettings {
        var settings = GatewaySettings()
        settings.mcpAllowedOrigins = [listed]
        settings.publicURL = url
        return settings
    }

    @Test("a listed origin, and that of the public URL, may read answers; nobody else is told anything")
    func listed() {
        let marked = CrossOrigin(Self.request(Self.listed), Self.settings())?.marked(.empty(.ok))
        #expect(marked?.head.headerFields[.accessControlAllowOrigin] == Self.listed)
        #expect(marked?.head.headerFields[.vary] == "Origin")
        for origin in [
            nil, "null", "http://gate.test", "http://tools.example", Self.listed + ":444", Self.listed + "/",
        ] {
            #expect(CrossOrigin(Self.request(origin), Self.settings()) == nil)
        }
        let own = "https://nezha.example:8443"
        #expect(CrossOrigin(Self.request(own), Self.settings()) == nil)
        #expect(CrossOrigin(Self.request(own), Self.settings(public: own)) != nil)
        #expect(CrossOrigin(Self.request("https://" + String(repeating: "a", count: 600)), Self.settings()) == nil)
        #expect(CrossOrigin(Self.request("https://tools.exampl\u{e9}"), Self.settings()) == nil)
    }

    @Test("only OPTIONS that names a method is a browser's question")
    func preflight() throws {
        let asked = try #require(CrossOrigin(Self.request(Self.listed, .options, asks: true), Self.settings()))
        #expect(asked.isPreflight)
        #expect(asked.preflight.head.status == .noContent)
        #expect(asked.preflight.head.headerFields[.accessControlAllowHeaders]?.contains("Authorization") == true)
        #expect(CrossOrigin(Self.request(Self.listed, .options), Self.settings())?.isPreflight == false)
        #expect(CrossOrigin(Self.request(Self.listed, .post, asks: true), Self.settings())?.isPreflight == false)
    }

    @Test("the public URL is where clients are sent, whatever the request says")
    func publicURL() {
        let request = Self.request(nil)
        #expect(request.baseURL(Self.settings()) == "http://gate.test")
        #expect(request.baseURL(Self.settings(public: "https://n.example/")) == "https://n.example")
        #expect(OriginGuard.isOrigin("https://n.example:8443"))
        #expect(OriginGuard.isOrigin("http://[::1]:80"))
        for text in ["n.example", "https://n.example/path", "ftp://n.example", "https://", "https://a@b"] {
            #expect(!OriginGuard.isOrigin(text))
        }
    }
}
