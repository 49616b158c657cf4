public import HTTPTypes
public import Logging
public import MCPServer

/// One line for each HTTP request, at level info. What opens something by itself never reaches it: the tokens of
/// transfer URLs are cut to six characters (`mcp.md` 10.3 row 28), values in the query are left out.
public enum AccessLog {
    public static func write(
        _ request: InboundRequest, _ status: HTTPResponse.Status, took: Duration, to logger: Logger
    ) {
        guard logger.logLevel <= .info else { return }
        let (seconds, rest) = took.components
        logger.info(
            "request",
            metadata: [
                "id": "\(request.id)", "method": "\(request.head.method.rawValue)",
                "path": "\(visiblePath(of: request))", "status": "\(status.code)",
                "ms": "\(seconds * 1000 + rest / 1_000_000_000_000_000)",
                "ip": "\(request.client.real ?? request.client.peer ?? "")",
            ])
    }

    /// The path as it may be written down; names of query parameters stay, their values go.
    static func visiblePath(of request: InboundRequest) -> String {
        var parts = request.path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if parts.count >= 4, parts[1] == "mcp" { parts[3] = parts[3].prefix(6) + "…" }
        // A stream id in a path opens a terminal.
        if parts.count >= 6, parts[3] == "ws" { parts[5] = parts[5].prefix(6) + "…" }
        let path = printable(parts.joined(separator: "/"))
        let names = request.query.split(separator: "&").map { printable(String($0.prefix { $0 != "=" })) }
        return names.isEmpty ? path : path + "?" + names.joined(separator: "&")
    }

    /// At most 256 visible ASCII characters: a log is read in terminals.
    private static func printable(_ text: String) -> String {
        var shown = ""
        for scalar in text.unicodeScalars.prefix(256) {
            let isVisible = scalar.isASCII && scalar.value > 0x20 && scalar.value != 0x7F || scalar == "…"
            shown.unicodeScalars.append(isVisible ? scalar : "?")
        }
        return shown
    }
}
