import HTTP
import Logging
import MCPServer
import Synchronization
import Testing

@testable import GatewayServer

@Suite("The access log")
struct AccessLogTests {
    private func request(_ path: String) -> InboundRequest {
        InboundRequest(
            head: HTTPRequest(method: .get, scheme: "http", authority: "g", path: path), id: "id1",
            client: ClientAddress(peer: "192.0.2.1", real: "198.51.100.7"), isSecure: false, body: .empty)
    }

    @Test(
        "what opens something by itself is left out",
        arguments: [
            ("/mcp", "/mcp"),
            ("/mcp/download/abcdefghijklmnop", "/mcp/download/abcdef…"),
            ("/mcp/upload/abcdefghijklmnop?x=1", "/mcp/upload/abcdef…?x"),
            ("/api/v1/ws/terminal/0123456789", "/api/v1/ws/terminal/012345…"),
            ("/api/v1/oauth2/callback?code=SECRET&state=SECRET", "/api/v1/oauth2/callback?code&state"),
            ("/api/v1/server?token=SECRET", "/api/v1/server?token"),
            ("//mcp/download/abcdefghijklmnop", "//mcp/download/abcdef…"),
            ("/x/mcp//download/./abcdefghijklmnop/more", "/x/mcp//download/./abcdef…/more…"),
            ("/MCP/Download/abcdefghijklmnop", "/MCP/Download/abcdef…"),
            ("/%6dcp/download/abcdefghijklmnop", "/mcp/download/abcdef…"),
            ("/mcp%2fdownload%252Fabcdefghijklmnop", "/mcp/download/abcdef…"),
            ("/api/v1/ws/file/0123456789", "/api/v1/ws/file/012345…"),
            ("/mcp/download", "/mcp/download"),
            ("/files/download/abcdefghijklmnop", "/files/download/abcdefghijklmnop"),
        ])
    func redacted(path: String, shown: String) {
        #expect(AccessLog.visiblePath(of: request(path)) == shown)
    }

    @Test("control characters and long paths do not reach the terminal", arguments: ["/\u{1B}[2J", "/\u{7}é"])
    func printable(path: String) {
        let shown = AccessLog.visiblePath(of: request(path))
        #expect(shown.unicodeScalars.allSatisfy { $0.isASCII && $0.value > 0x20 && $0.value < 0x7F })
        #expect(AccessLog.visiblePath(of: request("/" + String(repeating: "a", count: 10_000))).count <= 256)
    }

    @Test("a line has method, path, status, duration, address and id")
    func line() {
        let lines = logged(level: .info) { logger in
            AccessLog(logger: logger).write(
                request("/a?b=c"), PathTable.rule(of: "/a"), .notFound, took: .milliseconds(12))
        }
        for part in ["method=GET", "path=/a?b", "status=404", "ms=12", "ip=198.51.100.7", "id=id1"] {
            #expect(lines.first?.contains(part) == true)
        }
    }

    @Test("nothing is written above info")
    func quiet() {
        let lines = logged(level: .warning) { logger in
            AccessLog(logger: logger).write(request("/a"), PathTable.rule(of: "/a"), .ok, took: .zero)
        }
        #expect(lines.isEmpty)
    }

    @Test("what load balancers ask all the time is not written")
    func health() {
        let lines = logged(level: .info) { logger in
            AccessLog(logger: logger).write(request("/healthz"), PathTable.rule(of: "/healthz"), .ok, took: .zero)
        }
        #expect(lines.isEmpty)
    }

    private func logged(level: Logger.Level, _ body: (Logger) -> Void) -> [String] {
        let collected = LineCollector()
        body(
            Logger(label: "test") { label in
                LineLogHandler(label: label, format: .text, logLevel: level) { collected.add($0) }
            })
        return collected.lines
    }
}

/// Log lines, for a test to look at.
final class LineCollector: Sendable {
    private let collected = Mutex<[String]>([])
    var lines: [String] { collected.withLock { $0 } }
    func add(_ line: String) { collected.withLock { $0.append(line) } }
}
