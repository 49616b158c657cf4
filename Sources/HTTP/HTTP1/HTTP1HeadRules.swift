/// What the fields of a head mean for the message and its connection (RFC 9112 6, 9), gathered as they come.
struct HTTP1HeadRules: Sendable {
    private var host: String?
    private var contentLength: Int64?
    private var transferCoding: String?
    private var wantsClose = false
    private var wantsKeepAlive = false
    private var expectsContinue = false

    /// - Returns: whether the field stays one; `Host` becomes the authority.
    mutating func add(_ field: HTTPField) throws(HTTP1Fault) -> Bool {
        switch field.name {
        case .host:
            guard host == nil, Authority.isValid(field.value.utf8, allowsEmpty: true) else { throw .malformed }
            host = field.value
            return false
        case .contentLength:
            guard contentLength == nil, let length = Self.length(field.value.utf8) else { throw .malformed }
            contentLength = length
        case .transferEncoding:
            // Two are stacked, however each of them is called.
            transferCoding = transferCoding == nil ? field.value : ""
        case .connection:
            wantsClose = wantsClose || Token.contains("close", in: [field.value])
            wantsKeepAlive = wantsKeepAlive || Token.contains("keep-alive", in: [field.value])
        case .expect:
            expectsContinue = expectsContinue || Token.contains("100-continue", in: [field.value])
        default: break
        }
        return true
    }

    /// The whole head, once all fields are added.
    func head(_ line: HTTP1RequestLine, _ fields: HTTPFields, isSecure: Bool) throws(HTTP1Fault) -> HTTP1Head {
        if host == nil, !line.isOld { throw .malformed }
        let length = try bodyLength(isOld: line.isOld)
        var fields = fields
        // HTTP/1.0 cannot become another protocol.
        if line.isOld { fields[.upgrade] = nil }
        let request = HTTPRequest(
            method: line.method, scheme: isSecure ? "https" : "http", authority: line.authority ?? host,
            path: line.path, headerFields: fields)
        return HTTP1Head(
            request: request, length: length, isOld: line.isOld,
            keepsAlive: !wantsClose && (!line.isOld || wantsKeepAlive),
            expectsContinue: expectsContinue && !line.isOld && length != .fixed(0))
    }

    private func bodyLength(isOld: Bool) throws(HTTP1Fault) -> HTTP1BodyReader.Length {
        guard let coding = transferCoding else { return .fixed(contentLength ?? 0) }
        // HTTP/1.0 knows no codings, and a length beside one is for a reader who does not know them either.
        guard !isOld, contentLength == nil else { throw .malformed }
        guard Token.matches(coding.utf8, "chunked") else { throw .notImplemented }
        return .chunked
    }

    /// The value of a `Content-Length`: digits only, and not too many of them.
    static func length(_ bytes: some Collection<UInt8>) -> Int64? {
        guard !bytes.isEmpty, bytes.count <= 19 else { return nil }
        var length: Int64 = 0
        for byte in bytes {
            guard byte &- 0x30 < 10 else { return nil }
            let (product, overflows) = length.multipliedReportingOverflow(by: 10)
            let (sum, carries) = product.addingReportingOverflow(Int64(byte - 0x30))
            guard !overflows, !carries else { return nil }
            length = sum
        }
        return length
    }
}
