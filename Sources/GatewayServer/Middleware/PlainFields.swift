package import HTTP

/// Puts a question mark for each byte of a field that is not ASCII, `User-Agent` apart, which is only hashed. None that is
/// read here may hold anything else, and comparing or splitting such a text can take time that grows with the square of its
/// length. The field stays, so that a credential that cannot be one is refused as a wrong one.
package struct PlainFields: Middleware {
    package init() {}

    package func answer(_ request: inout InboundRequest, _ rule: PathRule) async -> OutboundResponse? {
        let fields = request.head.headerFields
        guard !fields.isASCII else { return nil }
        request.head.headerFields = HTTPFields(fields.map { $0.name == .userAgent ? $0 : $0.plain })
        return nil
    }
}

extension HTTPField {
    fileprivate var plain: HTTPField {
        guard !isASCII else { return self }
        let bytes = value.utf8.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }
        return HTTPField(name: name, value: String(decoding: bytes, as: UTF8.self))
    }
}
