package import Transport

/// One HTTP request, free of any HTTP framework. The listener makes it; `POST /mcp`, the transfer URLs and the REST
/// adapter answer it with an ``OutboundResponse``.
package struct InboundRequest: Sendable {
    /// Method, scheme, authority (the `Host`), path with query, header fields.
    package var head: HTTPRequest
    /// Random; ties log lines and audit rows of this request together.
    package var id: String
    package var client: ClientAddress
    /// Whether the connection itself is TLS.
    package var isSecure: Bool
    package var body: RequestBody
    private let place: ConnectionPlace?

    /// - Parameter place: of the connection that it came over; `nil` where connections are not counted.
    package init(
        head: HTTPRequest, id: String, client: ClientAddress, isSecure: Bool, body: RequestBody,
        place: ConnectionPlace? = nil
    ) {
        self.head = head
        self.id = id
        self.client = client
        self.isSecure = isSecure
        self.body = body
        self.place = place
    }

    /// Its credential was believed: the connection that it came over is the user's from now on, and no stranger's.
    /// - Parameter user: the id.
    package func isOf(user id: Int64) { place?.isOf(.user(id)) }

    /// The path without its query, still percent-encoded.
    package var path: Substring {
        let whole = head.path ?? "/"
        return whole[..<(whole.utf8.firstIndex(of: UInt8(ascii: "?")) ?? whole.endIndex)]
    }

    /// The query without its `?`, still percent-encoded; empty when there is none.
    package var query: Substring {
        let whole = head.path ?? "/"
        guard let mark = whole.utf8.firstIndex(of: UInt8(ascii: "?")) else { return "" }
        return whole[whole.utf8.index(after: mark)...]
    }

    /// The `Content-Length`; `nil` when absent or no number.
    package var contentLength: Int64? {
        head.headerFields[.contentLength].flatMap { Int64($0) }
    }
}

/// Who sent a request (`engines.md` 9, real IP).
package struct ClientAddress: Sendable, Hashable {
    /// The socket's peer without port, IPv4-mapped forms written as IPv4; `nil` when the transport has none.
    package var peer: String?
    /// The client's own address as far as it is known and can be trusted; strikes, session binding and audit use it.
    package var real: String?

    package init(peer: String?, real: String?) {
        self.peer = peer
        self.real = real
    }
}
