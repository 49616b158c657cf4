extension HTTPField.Name {
    package static let accept = Self(token: "Accept")
    package static let acceptEncoding = Self(token: "Accept-Encoding")
    package static let acceptLanguage = Self(token: "Accept-Language")
    package static let acceptRanges = Self(token: "Accept-Ranges")
    package static let accessControlAllowOrigin = Self(token: "Access-Control-Allow-Origin")
    package static let age = Self(token: "Age")
    package static let allow = Self(token: "Allow")
    package static let authorization = Self(token: "Authorization")
    package static let cacheControl = Self(token: "Cache-Control")
    package static let connection = Self(token: "Connection")
    package static let contentDisposition = Self(token: "Content-Disposition")
    package static let contentEncoding = Self(token: "Content-Encoding")
    package static let contentLanguage = Self(token: "Content-Language")
    package static let contentLength = Self(token: "Content-Length")
    package static let contentLocation = Self(token: "Content-Location")
    package static let contentRange = Self(token: "Content-Range")
    package static let contentSecurityPolicy = Self(token: "Content-Security-Policy")
    package static let contentType = Self(token: "Content-Type")
    package static let cookie = Self(token: "Cookie")
    package static let date = Self(token: "Date")
    package static let eTag = Self(token: "ETag")
    package static let expect = Self(token: "Expect")
    package static let expires = Self(token: "Expires")
    package static let from = Self(token: "From")
    package static let host = Self(token: "Host")
    package static let ifMatch = Self(token: "If-Match")
    package static let ifModifiedSince = Self(token: "If-Modified-Since")
    package static let ifNoneMatch = Self(token: "If-None-Match")
    package static let ifRange = Self(token: "If-Range")
    package static let ifUnmodifiedSince = Self(token: "If-Unmodified-Since")
    package static let keepAlive = Self(token: "Keep-Alive")
    package static let lastModified = Self(token: "Last-Modified")
    package static let location = Self(token: "Location")
    package static let origin = Self(token: "Origin")
    package static let priority = Self(token: "Priority")
    package static let proxyAuthenticate = Self(token: "Proxy-Authenticate")
    package static let proxyAuthorization = Self(token: "Proxy-Authorization")
    package static let proxyConnection = Self(token: "Proxy-Connection")
    package static let range = Self(token: "Range")
    package static let referer = Self(token: "Referer")
    package static let retryAfter = Self(token: "Retry-After")
    package static let secFetchDest = Self(token: "Sec-Fetch-Dest")
    package static let secFetchMode = Self(token: "Sec-Fetch-Mode")
    package static let secFetchSite = Self(token: "Sec-Fetch-Site")
    package static let secWebSocketAccept = Self(token: "Sec-WebSocket-Accept")
    package static let secWebSocketExtensions = Self(token: "Sec-WebSocket-Extensions")
    package static let secWebSocketKey = Self(token: "Sec-WebSocket-Key")
    package static let secWebSocketProtocol = Self(token: "Sec-WebSocket-Protocol")
    package static let secWebSocketVersion = Self(token: "Sec-WebSocket-Version")
    package static let server = Self(token: "Server")
    package static let setCookie = Self(token: "Set-Cookie")
    package static let strictTransportSecurity = Self(token: "Strict-Transport-Security")
    package static let te = Self(token: "TE")
    package static let trailer = Self(token: "Trailer")
    package static let transferEncoding = Self(token: "Transfer-Encoding")
    package static let upgrade = Self(token: "Upgrade")
    package static let userAgent = Self(token: "User-Agent")
    package static let vary = Self(token: "Vary")
    package static let via = Self(token: "Via")
    package static let wwwAuthenticate = Self(token: "WWW-Authenticate")
    package static let xContentTypeOptions = Self(token: "X-Content-Type-Options")
}

extension HTTPField.Name {
    /// A name as it came.
    /// - Returns: `nil` for what is no token.
    package init?(wire bytes: Span<UInt8>) {
        if let known = KnownNames.all.find(bytes) {
            self = known
            return
        }
        guard !bytes.isEmpty else { return nil }
        for position in bytes.indices where !Token.isCharacter(bytes[position]) { return nil }
        self.init(token: unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) })
    }
}

/// Names that come with many requests, by their exact bytes: these are found without making a text.
private struct KnownNames: Sendable {
    static let all = KnownNames()

    private struct Entry {
        var bytes: [UInt8]
        var name: HTTPField.Name
    }

    /// By length.
    private var entries: [[Entry]]

    private init() {
        let names: [HTTPField.Name] = [
            .accept, .acceptEncoding, .acceptLanguage, .allow, .authorization, .cacheControl, .connection,
            .contentDisposition, .contentEncoding, .contentLength, .contentRange, .contentType, .cookie, .expect,
            .host, .ifMatch, .ifModifiedSince, .ifNoneMatch, .ifRange, .ifUnmodifiedSince, .keepAlive, .origin,
            .priority, .proxyAuthorization, .proxyConnection, .range, .referer, .secFetchDest, .secFetchMode,
            .secFetchSite, .secWebSocketExtensions, .secWebSocketKey, .secWebSocketProtocol, .secWebSocketVersion,
            .te, .trailer, .transferEncoding, .upgrade, .userAgent, .via,
        ]
        let spellings = names + names.map { HTTPField.Name(token: $0.canonicalName) }
        let longest = spellings.map(\.rawName.utf8.count).max() ?? 0
        entries = Array(repeating: [], count: longest + 1)
        for name in spellings {
            entries[name.rawName.utf8.count].append(Entry(bytes: Array(name.rawName.utf8), name: name))
        }
    }

    func find(_ bytes: Span<UInt8>) -> HTTPField.Name? {
        guard bytes.count < entries.count else { return nil }
        next: for entry in entries[bytes.count] {
            // The last letters differ more often than the first ones.
            for position in bytes.indices.reversed() where bytes[position] != entry.bytes[position] { continue next }
            return entry.name
        }
        return nil
    }
}
