import CCurl

/// A URL as libcurl reads it: by the same parser that the request goes out with, so that nothing is checked that is not
/// asked. Decimal, octal and short forms of IPv4 addresses come out as addresses.
struct OutboundURL: Sendable, Hashable {
    /// Normalised: read again, it means the same.
    let text: String
    /// A name in ASCII, or an address without brackets.
    let host: String
    let port: UInt16

    /// - Throws: ``OutboundError/malformedURL``, also for other schemes than http and https;
    ///   ``OutboundError/unavailable``.
    init(_ url: String) throws(OutboundError) {
        guard ccurl_load() else { throw .unavailable }
        // A NUL would end it for C.
        guard url.utf8.count <= Self.limit, !url.utf8.contains(0), let handle = unsafe ccurl_url() else {
            throw .malformedURL
        }
        defer { unsafe ccurl_url_cleanup(handle) }
        // What people type: blanks and letters of any script in path and query are encoded.
        let flags = UInt32(CURLU_URLENCODE | CURLU_ALLOW_SPACE | CURLU_PATH_AS_IS)
        guard unsafe ccurl_url_set(handle, CURLUPART_URL, url, flags) == CURLUE_OK,
            let scheme = unsafe Self.part(CURLUPART_SCHEME, of: handle),
            scheme.utf8.elementsEqual("http".utf8) || scheme.utf8.elementsEqual("https".utf8),
            let host = unsafe Self.part(CURLUPART_HOST, of: handle, UInt32(CURLU_PUNYCODE)), !host.isEmpty,
            unsafe Self.part(CURLUPART_ZONEID, of: handle) == nil,
            let port = unsafe Self.part(CURLUPART_PORT, of: handle, UInt32(CURLU_DEFAULT_PORT)).flatMap(UInt16.init),
            port != 0,
            unsafe ccurl_url_set(handle, CURLUPART_FRAGMENT, nil, 0) == CURLUE_OK,
            let text = unsafe Self.part(CURLUPART_URL, of: handle, UInt32(CURLU_PUNYCODE))
        else { throw .malformedURL }
        self.text = text
        self.host = host.utf8.first == UInt8(ascii: "[") ? String(host.dropFirst().dropLast()) : host
        self.port = port
    }

    /// More than any service takes.
    private static let limit = 64 << 10

    private static func part(_ part: CURLUPart, of handle: OpaquePointer, _ flags: UInt32 = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard unsafe ccurl_url_get(handle, part, &text, flags) == CURLUE_OK, let text = unsafe text else { return nil }
        defer { unsafe ccurl_free(text) }
        return unsafe String(cString: text)
    }
}
