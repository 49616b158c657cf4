import Primitives

// Names that come with many messages have a number: they are compared by it, and those in a usual spelling are found
// by their bytes without making a text.
extension HTTPField.Name {
    package static let accept = Self(1, "Accept")
    package static let acceptEncoding = Self(2, "Accept-Encoding")
    package static let acceptLanguage = Self(3, "Accept-Language")
    package static let acceptRanges = Self(4, "Accept-Ranges")
    package static let accessControlAllowOrigin = Self(5, "Access-Control-Allow-Origin")
    package static let age = Self(6, "Age")
    package static let allow = Self(7, "Allow")
    package static let authorization = Self(8, "Authorization")
    package static let cacheControl = Self(9, "Cache-Control")
    package static let connection = Self(10, "Connection")
    package static let contentDisposition = Self(11, "Content-Disposition")
    package static let contentEncoding = Self(12, "Content-Encoding")
    package static let contentLanguage = Self(13, "Content-Language")
    package static let contentLength = Self(14, "Content-Length")
    package static let contentLocation = Self(15, "Content-Location")
    package static let contentRange = Self(16, "Content-Range")
    package static let contentSecurityPolicy = Self(17, "Content-Security-Policy")
    package static let contentType = Self(18, "Content-Type")
    package static let cookie = Self(19, "Cookie")
    package static let date = Self(20, "Date")
    package static let eTag = Self(21, "ETag")
    package static let expect = Self(22, "Expect")
    package static let expires = Self(23, "Expires")
    package static let from = Self(24, "From")
    package static let host = Self(25, "Host")
    package static let ifMatch = Self(26, "If-Match")
    package static let ifModifiedSince = Self(27, "If-Modified-Since")
    package static let ifNoneMatch = Self(28, "If-None-Match")
    package static let ifRange = Self(29, "If-Range")
    package static let ifUnmodifiedSince = Self(30, "If-Unmodified-Since")
    package static let keepAlive = Self(31, "Keep-Alive")
    package static let lastModified = Self(32, "Last-Modified")
    package static let location = Self(33, "Location")
    package static let origin = Self(34, "Origin")
    package static let priority = Self(35, "Priority")
    package static let proxyAuthenticate = Self(36, "Proxy-Authenticate")
    package static let proxyAuthorization = Self(37, "Proxy-Authorization")
    package static let proxyConnection = Self(38, "Proxy-Connection")
    package static let range = Self(39, "Range")
    package static let referer = Self(40, "Referer")
    package static let retryAfter = Self(41, "Retry-After")
    package static let secFetchDest = Self(42, "Sec-Fetch-Dest")
    package static let secFetchMode = Self(43, "Sec-Fetch-Mode")
    package static let secFetchSite = Self(44, "Sec-Fetch-Site")
    package static let secWebSocketAccept = Self(45, "Sec-WebSocket-Accept")
    package static let secWebSocketExtensions = Self(46, "Sec-WebSocket-Extensions")
    package static let secWebSocketKey = Self(47, "Sec-WebSocket-Key")
    package static let secWebSocketProtocol = Self(48, "Sec-WebSocket-Protocol")
    package static let secWebSocketVersion = Self(49, "Sec-WebSocket-Version")
    package static let server = Self(50, "Server")
    package static let setCookie = Self(51, "Set-Cookie")
    package static let strictTransportSecurity = Self(52, "Strict-Transport-Security")
    package static let te = Self(53, "TE")
    package static let trailer = Self(54, "Trailer")
    package static let transferEncoding = Self(55, "Transfer-Encoding")
    package static let upgrade = Self(56, "Upgrade")
    package static let userAgent = Self(57, "User-Agent")
    package static let vary = Self(58, "Vary")
    package static let via = Self(59, "Via")
    package static let wwwAuthenticate = Self(60, "WWW-Authenticate")
    package static let xContentTypeOptions = Self(61, "X-Content-Type-Options")

    fileprivate static let numbered: [HTTPField.Name] = [
        .accept, .acceptEncoding, .acceptLanguage, .acceptRanges, .accessControlAllowOrigin, .age, .allow,
        .authorization, .cacheControl, .connection, .contentDisposition, .contentEncoding, .contentLanguage,
        .contentLength, .contentLocation, .contentRange, .contentSecurityPolicy, .contentType, .cookie, .date,
        .eTag, .expect, .expires, .from, .host, .ifMatch, .ifModifiedSince, .ifNoneMatch, .ifRange,
        .ifUnmodifiedSince, .keepAlive, .lastModified, .location, .origin, .priority, .proxyAuthenticate,
        .proxyAuthorization, .proxyConnection, .range, .referer, .retryAfter, .secFetchDest, .secFetchMode,
        .secFetchSite, .secWebSocketAccept, .secWebSocketExtensions, .secWebSocketKey, .secWebSocketProtocol,
        .secWebSocketVersion, .server, .setCookie, .strictTransportSecurity, .te, .trailer, .transferEncoding,
        .upgrade, .userAgent, .vary, .via, .wwwAuthenticate, .xContentTypeOptions,
    ]
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

    /// The numbered name that is the same in another spelling.
    static func numbered(_ name: String) -> HTTPField.Name? { KnownNames.all.find(anyCase: name) }
}

private struct KnownNames: Sendable {
    static let all = KnownNames()

    private struct Entry {
        var bytes: [UInt8]
        var name: HTTPField.Name
    }

    /// By length; each name as it is written and in lower case.
    private var entries: [[Entry]]

    private init() {
        let names = HTTPField.Name.numbered
        let spellings = names + names.map(\.inLowerCase)
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

    func find(anyCase name: String) -> HTTPField.Name? {
        guard name.utf8.count < entries.count else { return nil }
        let bytes = name.utf8.asciiLowercased
        return entries[bytes.count].first { $0.bytes == bytes }?.name
    }
}
