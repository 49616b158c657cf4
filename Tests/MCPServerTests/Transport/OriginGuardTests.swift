import Testing

@testable import MCPServer

@Suite("Origin guard (mcp.md 2; security.md: Local HTTP without auth, DNS rebinding)")
struct OriginGuardTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var listen = ""
        var origin: String?
        var host: String?
        var allowed: [String] = []
        var expected: Bool

        var testDescription: String {
            "listen '\(listen)' origin '\(origin ?? "none")' host '\(host ?? "none")' -> \(expected)"
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
    ]

    @Test("browsers pass from this very host or a listed origin only", arguments: cases)
    func decision(_ test: Case) {
        let gate = OriginGuard(listenHost: test.listen, allowedOrigins: test.allowed)
        #expect(gate.allows(origin: test.origin, authority: test.host) == test.expected)
    }
}
