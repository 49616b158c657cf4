package import HTTP
package import Logging

/// One line for each HTTP request, at level info. What opens something by itself never reaches it: the tokens of
/// transfer URLs are cut to six characters (`mcp.md` 10.3 row 28), values in the query are left out.
package enum AccessLog {
    package static func write(
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
        var parts = request.path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
            printable($0, limit: 256)
        }
        if parts.count >= 4, parts[1] == "mcp" { parts[3] = cut(parts[3]) }
        // A stream id in a path opens a terminal.
        if parts.count >= 6, parts[3] == "ws" { parts[5] = cut(parts[5]) }
        let path = String(parts.joined(separator: "/").prefix(256))
        let names = request.query.utf8.split(separator: UInt8(ascii: "&")).map { pair in
            printable(pair.prefix { $0 != UInt8(ascii: "=") }, limit: 256)
        }
        return names.isEmpty ? path : path + "?" + names.joined(separator: "&")
    }

    /// Enough to tell secrets apart, too little to use them.
    private static func cut(_ secret: String) -> String { secret.prefix(6) + "…" }

    /// At most `limit` visible ASCII characters: a log is read in terminals.
    private static func printable(_ text: some Sequence<UInt8>, limit: Int) -> String {
        var shown: [UInt8] = []
        for byte in text where byte & 0xC0 != 0x80 {
            guard shown.count < limit else { break }
            // A character of more bytes is one that is not shown.
            shown.append(byte > 0x20 && byte < 0x7F ? byte : UInt8(ascii: "?"))
        }
        return String(decoding: shown, as: UTF8.self)
    }
}
