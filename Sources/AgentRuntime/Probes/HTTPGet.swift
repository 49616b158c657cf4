import FoundationEssentials
import HTTP
import Transport

/// One HTTP request of the agent itself. Redirects are not followed.
enum HTTPGet {
    static let connectLimit = Duration.seconds(10)

    /// - Parameter bodyLimit: bytes of the body that are kept; all of it is read.
    /// - Throws: ``ProbeFailure`` for what is no URL, and what `HTTP1Client` throws.
    static func run(_ url: String, bodyLimit: Int) async throws -> HTTP1Client.Answer {
        try await HTTP1Client.send(request(url, bodyLimit: bodyLimit), connectLimit: connectLimit)
    }

    private static func request(_ url: String, bodyLimit: Int) throws -> HTTP1Client.Request {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            scheme == "http" || scheme == "https", let host = parts.host, !host.isEmpty, !host.utf8.contains(0),
            let port = UInt16(exactly: parts.port ?? (scheme == "https" ? 443 : 80))
        else { throw ProbeFailure(text: "a URL with http:// or https:// is expected") }
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        let shown = bare.contains(":") ? "[\(bare)]" : bare
        let path =
            (parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath)
            + (parts.percentEncodedQuery.map { "?\($0)" } ?? "")
        var head = HTTPRequest(
            method: .get, scheme: scheme, authority: parts.port.map { "\(shown):\($0)" } ?? shown, path: path,
            headerFields: [.userAgent: "nezha-agent/\(AgentVersion.current)", .accept: "*/*"])
        if let user = parts.user {
            let credentials = Data("\(user):\(parts.password ?? "")".utf8).base64EncodedString()
            head.headerFields[.authorization] = "Basic \(credentials)"
        }
        let tls = scheme == "https" ? try TLSContext.client() : nil
        return HTTP1Client.Request(host: bare, port: port, tls: tls, head: head, bodyLimit: bodyLimit)
    }
}
