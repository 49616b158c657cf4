public import HTTPTypes

/// One HTTP request, free of any HTTP framework. The listener makes it; `POST /mcp`, the transfer URLs and the REST
/// adapter answer it with an ``OutboundResponse``.
public struct InboundRequest: Sendable {
    /// Method, scheme, authority (the `Host`), path with query, header fields.
    public var head: HTTPRequest
    /// Random; ties log lines and audit rows of this request together.
    public var id: String
    public var client: ClientAddress
    /// Whether the connection itself is TLS.
    public var isSecure: Bool
    public var body: RequestBody

    public init(head: HTTPRequest, id: String, client: ClientAddress, isSecure: Bool, body: RequestBody) {
        self.head = head
        self.id = id
        self.client = client
        self.isSecure = isSecure
        self.body = body
    }

    /// The path without its query, still percent-encoded.
    public var path: Substring {
        let whole = head.path ?? "/"
        return whole[..<(whole.utf8.firstIndex(of: UInt8(ascii: "?")) ?? whole.endIndex)]
    }

    /// The query without its `?`, still percent-encoded; empty when there is none.
    public var query: Substring {
        let whole = head.path ?? "/"
        guard let mark = whole.utf8.firstIndex(of: UInt8(ascii: "?")) else { return "" }
        return whole[whole.utf8.index(after: mark)...]
    }

    /// The `Content-Length`; `nil` when absent or no number.
    public var contentLength: Int64? {
        head.headerFields[.contentLength].flatMap { Int64($0) }
    }
}

/// Who sent a request (`engines.md` 9, real IP).
public struct ClientAddress: Sendable, Hashable {
    /// The socket's peer without port, IPv4-mapped forms written as IPv4; `nil` when the transport has none.
    public var peer: String?
    /// The client's own address as far as it is known and can be trusted; strikes, session binding and audit use it.
    public var real: String?

    public init(peer: String?, real: String?) {
        self.peer = peer
        self.real = real
    }
}

/// A request body that is read once, chunk by chunk; the sender is held back while nobody reads.
public struct RequestBody: Sendable {
    public enum Failure: Error, Sendable, Equatable {
        /// More than `limit` bytes came.
        case tooLarge(limit: Int)
        /// The sender went away.
        case broken
    }

    private let read: @Sendable () async throws -> [UInt8]?

    /// - Parameter read: the next non-empty chunk; `nil` at the end; throws when the sender went away.
    public init(read: @escaping @Sendable () async throws -> [UInt8]?) {
        self.read = read
    }

    public static let empty = RequestBody { nil }

    /// The next chunk; `nil` at the end.
    public func next() async throws -> [UInt8]? { try await read() }

    /// The whole body.
    /// - Throws: ``Failure/tooLarge(limit:)`` as soon as more than `limit` bytes have come, ``Failure/broken``.
    public func collect(upTo limit: Int) async throws(Failure) -> [UInt8] {
        var whole: [UInt8] = []
        while true {
            let chunk: [UInt8]?
            do { chunk = try await read() } catch { throw .broken }
            guard let chunk else { return whole }
            guard whole.count + chunk.count <= limit else { throw .tooLarge(limit: limit) }
            if whole.isEmpty { whole = chunk } else { whole += chunk }
        }
    }
}
