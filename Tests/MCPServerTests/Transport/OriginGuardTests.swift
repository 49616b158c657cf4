import HTTP
import Settings
import TestSupport
import Testing

@testable import MCPServer

@Suite("Origin guard (mcp.md 2; security.md: Local HTTP without auth, DNS rebinding)")
struct OriginGuardTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var listen = ""
        var origin: String?
        var host: String?
        var allowed: [String] = []
        var hosts: [String] = []
        var expected: Bool

        var testDescription: String {
            "listen '\(listen)' origin '\(origin ?? "none")' host '\(host ?? "none")' of \(hosts) -> \(expected)"
        }
    }

    static let cases: [Case] = [
        // Programs.
        Case(origin: nil, host: "h:8008", expected: true),
        Case(origin: "  ", host: "h:8008", expected: true),
        // No usable origin.
        Case(origin: "null", host: "h", expected: false),
        Case(origin: "file://", host: "h", expected: false),
        Case(origin: "https://", host: "h", expected: false),
        Case(origin: "https://h/path", host: "h", expected: false),
        Case(origin: "https://user@h", host: "h", expected: false),
        Case(origin: "chrome-extension://abc", host: "abc", expected: false),
        // Same host, port included.
        Case(origin: "http://h:8008", host: "h:8008", expected: true),
        Case(origin: "HTTP://H:8008", host: "h:8008", expected: true),
        Case(origin: "http://h:8009", host: "h:8008", expected: false),
        Case(origin: "http://evil.example", host: "h:8008", expected: false),
        Case(origin: "http://h.evil.example:8008", host: "h:8008", expected: false),
        // The scheme's own port may be written or not.
        Case(origin: "https://h", host: "h:443", expected: true),
        Case(origin: "http://h:80", host: "h", expected: true),
        Case(origin: "https://h:80", host: "h", expected: false),
        Case(origin: "http://h:99999", host: "h:99999", expected: false),
        // IPv6.
        Case(origin: "http://[::1]:8008", host: "[::1]:8008", expected: true),
        Case(origin: "http://[::1]:8008", host: "[::2]:8008", expected: false),
        Case(origin: "http://[::1", host: "[::1", expected: false),
        // A loopback deployment accepts loopback names only, whatever a DNS answer says.
        Case(listen: "127.0.0.1", origin: "http://evil.example:8008", host: "evil.example:8008", expected: false),
        Case(listen: "127.0.0.1", origin: "http://localhost:8008", host: "localhost:8008", expected: true),
        Case(listen: "127.0.0.1", origin: "http://127.0.0.1:8008", host: "127.0.0.1:8008", expected: true),
        Case(listen: "LocalHost", origin: "http://evil.example", host: "evil.example", expected: false),
        Case(listen: "[::1]", origin: "http://evil.example", host: "evil.example", expected: false),
        Case(listen: "127.8.9.10", origin: "http://evil.example", host: "evil.example", expected: false),
        Case(listen: "127.0.0.1", origin: "http://127.evil.0.1", host: "127.evil.0.1", expected: false),
        // Everything else is public.
        Case(listen: "0.0.0.0", origin: "https://n.example", host: "n.example", expected: true),
        Case(listen: "", origin: "https://n.example", host: "n.example", expected: true),
        Case(listen: "::", origin: "https://n.example", host: "n.example", expected: true),
        // The list of the operator.
        Case(
            listen: "127.0.0.1", origin: "https://tools.example", host: "localhost:8008",
            allowed: ["https://tools.example"], expected: true),
        Case(
            origin: "https://tools.example:443", host: "h", allowed: ["https://Tools.example"], expected: true),
        Case(origin: "http://tools.example", host: "h", allowed: ["https://tools.example"], expected: false),
        Case(origin: "http://h", host: nil, expected: false),
        // Listed hosts, for programs too: whatever else a request asked for is refused.
        Case(origin: nil, host: "n.example", hosts: ["n.example"], expected: true),
        Case(origin: nil, host: "N.Example:8443", hosts: ["n.example"], expected: true),
        Case(origin: nil, host: "n.example", hosts: ["a.example", "N.EXAMPLE"], expected: true),
        Case(origin: nil, host: "evil.example", hosts: ["n.example"], expected: false),
        Case(origin: " ", host: "evil.example", hosts: ["n.example"], expected: false),
        Case(origin: nil, host: "n.example.evil.example", hosts: ["n.example"], expected: false),
        Case(origin: nil, host: "sub.n.example", hosts: ["n.example"], expected: false),
        Case(origin: nil, host: nil, hosts: ["n.example"], expected: false),
        Case(origin: nil, host: "", hosts: ["n.example"], expected: false),
        Case(origin: nil, host: "n.example:x", hosts: ["n.example"], expected: false),
        Case(origin: nil, host: "[2001:db8::1]:8008", hosts: ["[2001:DB8::1]"], expected: true),
        Case(origin: nil, host: "[2001:db8::1]:8008", hosts: ["2001:db8::1"], expected: true),
        Case(origin: nil, host: "[2001:db8::2]", hosts: ["2001:db8::1"], expected: false),
        // Loopback names need not be listed.
        Case(origin: nil, host: "localhost:8008", hosts: ["n.example"], expected: true),
        Case(origin: nil, host: "127.0.0.1:8008", hosts: ["n.example"], expected: true),
        Case(origin: "http://[::1]:8008", host: "[::1]:8008", hosts: ["n.example"], expected: true),
        // Browsers: the host must be listed, and the origin must be allowed all the same.
        Case(origin: "https://n.example", host: "n.example", hosts: ["n.example"], expected: true),
        Case(origin: "https://evil.example", host: "evil.example", hosts: ["n.example"], expected: false),
        Case(origin: "https://evil.example", host: "n.example", hosts: ["n.example"], expected: false),
        Case(
            origin: "https://tools.example", host: "n.example", allowed: ["https://tools.example"],
            hosts: ["n.example"], expected: true),
        Case(
            origin: "https://tools.example", host: "evil.example", allowed: ["https://tools.example"],
            hosts: ["n.example"], expected: false),
        // A loopback deployment behind a proxy that passes its own name on.
        Case(
            listen: "127.0.0.1", origin: "https://n.example", host: "n.example", hosts: ["n.example"], expected: true),
        Case(
            listen: "127.0.0.1", origin: "http://evil.example", host: "evil.example", hosts: ["n.example"],
            expected: false),
        // Without a list programs may ask for any host.
        Case(listen: "127.0.0.1", origin: nil, host: "evil.example", expected: true),
        Case(origin: nil, host: nil, expected: true),
    ]

    @Test("browsers pass from this very host or a listed origin only", arguments: cases)
    func decision(_ test: Case) {
        let gate = OriginGuard(
            listenHost: test.listen, allowedOrigins: test.allowed, allowedHosts: test.hosts)
        #expect(gate.allows(origin: test.origin, authority: test.host) == test.expected)
    }

    @Test(
        "a host for the list is a name or an address alone",
        arguments: [
            ("n.example", true), ("N.Example", true), ("localhost", true), ("192.0.2.1", true), ("::1", true),
            ("[2001:db8::1]", true), ("", false), ("n.example:8008", false), ("https://n.example", false),
            ("n.example/", false), ("*.example", false), ("a b", false), ("bücher.example", false),
        ])
    func hosts(text: String, isHost: Bool) {
        #expect(OriginGuard.isHost(text) == isHost)
    }

    @Test("the list of hosts holds for every MCP route, with the answer of a refused origin; other routes know none")
    func routes() async throws {
        let gateway = try await TestGateway()
        gateway.settings.set { $0.mcpAllowedHosts = ["n.example"] }
        let routes = gateway.routes()
        for (host, isAllowed) in [("n.example:8008", true), ("localhost", true), ("evil.example", false)] {
            for (method, path, status) in [
                (.post, "/mcp", 401), (.get, "/mcp", 405), (.get, "/mcp/download/x", 401),
                (.post, "/mcp/upload/x", 401),
            ] as [(HTTPRequest.Method, String, Int)] {
                let request = InboundRequest(
                    head: HTTPRequest(method: method, scheme: "http", authority: host, path: path), id: "r-1",
                    client: ClientAddress(peer: nil, real: nil), isSecure: false, body: .empty)
                let response = await routes.handle(request)
                #expect(response.head.status.code == (isAllowed ? status : 403), "\(host) \(path)")
                guard !isAllowed else { continue }
                #expect(
                    try await TransferHTTP.text(response) == #"{"error":"ApiErrorForbidden: origin not allowed"}"#)
                #expect(MCPEndpoint.isOriginAllowed(request, gateway.settings.current))
            }
        }
    }
}
