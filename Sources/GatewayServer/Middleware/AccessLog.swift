import HTTP
package import Logging

/// One line for each HTTP request, at level info. What opens something by itself never reaches it: the tokens of
/// transfer URLs are cut to six characters (`mcp.md` 10.3 row 28), values in the query are left out.
package struct AccessLog: Sendable {
    private let logger: Logger

    package init(logger: Logger) { self.logger = logger }

    /// Whether requests of the rule leave lines.
    func wants(_ rule: PathRule) -> Bool { rule.isLogged && logger.logLevel <= .info }

    func write(_ request: InboundRequest, _ rule: PathRule, _ status: HTTPResponse.Status, took: Duration) {
        guard wants(rule) else { return }
        let (seconds, rest) = took.components
        logger.info(
            "request",
            metadata: [
                "id": "\(request.id)", "method": "\(request.head.method.rawValue)",
                "path": "\(Self.visiblePath(of: request))", "status": "\(status.code)",
                "ms": "\(seconds * 1000 + rest / 1_000_000_000_000_000)",
                "ip": "\(request.client.real ?? request.client.peer ?? "")",
            ])
    }

    /// The path as it may be written down; names of query parameters stay, their values go.
    static func visiblePath(of request: InboundRequest) -> String {
        let path = request.path
        if request.query.isEmpty, isPlain(path) { return String(path) }
        let parts = PathTable.visibleParts(of: path).map { part in
            printable(part.bytes, limit: 256) + (part.isCut ? "…" : "")
        }
        let shown = String(parts.joined(separator: "/").prefix(256))
        let names = request.query.utf8.split(separator: UInt8(ascii: "&")).map { pair in
            printable(pair.prefix { $0 != UInt8(ascii: "=") }, limit: 256)
        }
        return names.isEmpty ? shown : shown + "?" + names.joined(separator: "&")
    }

    /// Whether a path is written down as it is: too short for a secret, and everybody can read it.
    private static func isPlain(_ path: Substring) -> Bool {
        var slashes = 0
        var count = 0
        for byte in path.utf8 {
            guard byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "%") else { return false }
            if byte == UInt8(ascii: "/") { slashes += 1 }
            count += 1
        }
        return count <= 256 && slashes < PathTable.slashesBeforeSecrets
    }

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
