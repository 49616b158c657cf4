import Primitives

/// Everything that depends on where a path leads, in one table: who answers, how a refusal looks there, which part of it is
/// a secret, whether it is logged. Routing, health check, block page and access log ask it, and nobody compares prefixes
/// besides. It says whose a path is on the gateway's own hosts: on the host of a tunnel (``TakenHosts``) every path is
/// that service's, also one of these, and of the table only what hides secrets from the log counts.
package enum PathTable {
    /// The first row that holds a path decides; the last one holds them all.
    package static let rules: [PathRule] = [
        // What load balancers ask; it is asked all the time and tells nothing.
        PathRule("/healthz", .only, .health, refusal: .page, isLogged: false),
        PathRule("/readyz", .only, .health, refusal: .page, isLogged: false),
        PathRule("/metrics", .only, .metrics, refusal: .json),
        // The tokens of transfer URLs open a file by themselves (`mcp.md` 10.3 row 28).
        PathRule("/mcp/download", .tree, .mcp, refusal: .json, secret: .below, dropsSlash: true),
        PathRule("/mcp/upload", .tree, .mcp, refusal: .json, secret: .below, dropsSlash: true),
        PathRule("/mcp", .tree, .mcp, refusal: .json, dropsSlash: true),
        // Clients look for the way to log in here, and take a page for one that is there.
        PathRule("/.well-known", .tree, .mcp, refusal: .json),
        PathRule("/register", .only, .mcp, refusal: .json),
        PathRule("/authorize", .only, .mcp, refusal: .json),
        PathRule("/token", .only, .mcp, refusal: .json),
        PathRule("/revoke", .only, .mcp, refusal: .json),
        PathRule("/introspect", .only, .mcp, refusal: .json),
        // A stream id opens a terminal.
        PathRule("/api/v1/ws/terminal", .tree, .rest, refusal: .envelope, secret: .below, dropsSlash: true),
        PathRule("/api/v1/ws/file", .tree, .rest, refusal: .envelope, secret: .below, dropsSlash: true),
        // Also `/apix`, which is no page (`rest.md` 1, recorded).
        PathRule("/api", .text, .rest, refusal: .envelope, dropsSlash: true),
        PathRule("/openapi.json", .only, .documents, refusal: .json),
        PathRule("/swagger", .tree, .documents, refusal: .page),
        PathRule("/dashboard", .tree, .adminPages, refusal: .page),
        PathRule("", .text, .userPages, refusal: .page),
    ]

    /// The row of a path as it came, still encoded: whoever spells a prefix otherwise does not reach its owner.
    package static func rule(of path: Substring) -> PathRule {
        let start = path.utf8.dropFirst().first
        return rules.first { ($0.initial == nil || $0.initial == start) && $0.holds(path) } ?? rules[rules.count - 1]
    }

    /// The parts of a path as they may be written down: what opens something by itself is cut to six characters.
    ///
    /// A secret that was sent to a wrong spelling of its path, such as `//mcp/download/TOKEN`, is one all the same. So the
    /// prefixes are looked for anywhere in the path, decoded, whatever the case of their letters.
    package static func visibleParts(of path: Substring) -> [VisiblePart] {
        let parts = decoded(path).split(separator: slash, omittingEmptySubsequences: false)
        // Empty ones and dots lead nowhere.
        let named = parts.indices.filter { !parts[$0].isEmpty && !parts[$0].elementsEqual(".".utf8) }
        guard let start = secretStart(named.map { parts[$0] }) else {
            return path.utf8.split(separator: slash, omittingEmptySubsequences: false).map {
                VisiblePart(bytes: ArraySlice($0), isCut: false)
            }
        }
        let secrets = Set(named[start...])
        return parts.indices.map { index in
            let isSecret = secrets.contains(index)
            return VisiblePart(bytes: isSecret ? parts[index].prefix(6) : parts[index], isCut: isSecret)
        }
    }

    /// What of a part of a path may be written down.
    package struct VisiblePart: Sendable, Hashable {
        package var bytes: ArraySlice<UInt8>
        /// Whether more follows that may not.
        package var isCut: Bool
    }

    private static let slash = UInt8(ascii: "/")

    /// Where in these parts the secrets of a row begin.
    private static func secretStart(_ parts: [ArraySlice<UInt8>]) -> Int? {
        for prefix in secretPrefixes where parts.count > prefix.count {
            for start in 0..<(parts.count - prefix.count) {
                let isThere = zip(prefix, parts[start...]).allSatisfy { name, part in
                    name.elementsEqual(part.lazy.map { $0.asciiLowercased })
                }
                if isThere { return start + prefix.count }
            }
        }
        return nil
    }

    private static let secretPrefixes = rules.filter { $0.secret == .below }.map {
        $0.prefix.utf8.split(separator: slash).map { Array($0) }
    }

    /// Slashes that stand before a secret at least.
    static let slashesBeforeSecrets = 1 + (secretPrefixes.map(\.count).min() ?? 0)

    /// With each escape decoded, also those of escapes: two rounds are one more than any reader of ours makes.
    private static func decoded(_ path: Substring) -> [UInt8] {
        var bytes = Array(path.utf8)
        for _ in 0..<2 where bytes.contains(UInt8(ascii: "%")) { bytes = PercentCode.decodeLeniently(bytes[...]) }
        return bytes
    }
}
