/// The head of a response.
package struct HTTPResponse: Sendable, Hashable {
    package var status: Status
    package var headerFields: HTTPFields

    package init(status: Status, headerFields: HTTPFields = [:]) {
        self.status = status
        self.headerFields = headerFields
    }

    /// A code of three digits and the words for it. Equal when the codes are.
    package struct Status: Sendable, ExpressibleByIntegerLiteral, CustomStringConvertible {
        package enum Kind: Sendable, Hashable {
            case invalid
            case informational
            case successful
            case redirection
            case clientError
            case serverError
        }

        /// 0 to 999.
        package let code: Int
        /// Legal as the value of a field. HTTP/2 has none on the wire.
        package let reasonPhrase: String

        /// - Parameter code: what is not within 0 to 999 becomes 0, which is no status.
        package init(code: Int, reasonPhrase: String) {
            self.code = (0...999).contains(code) ? code : 0
            self.reasonPhrase = HTTPField.legalized(reasonPhrase)
        }

        /// With the words of RFC 9110; none for an unknown code.
        package init(code: Int) {
            self.init(code: code, reasonPhrase: Self.phrases[code] ?? "")
        }

        package init(integerLiteral code: Int) { self.init(code: code) }

        package var kind: Kind {
            switch code {
            case 100...199: .informational
            case 200...299: .successful
            case 300...399: .redirection
            case 400...499: .clientError
            case 500...599: .serverError
            default: .invalid
            }
        }

        package var description: String { "\(code) \(reasonPhrase)" }
    }
}

extension HTTPResponse.Status: Hashable {
    package static func == (a: Self, b: Self) -> Bool { a.code == b.code }
    package func hash(into hasher: inout Hasher) { hasher.combine(code) }
}

extension HTTPResponse.Status {
    package static let `continue`: Self = 100
    package static let switchingProtocols: Self = 101
    package static let ok: Self = 200
    package static let accepted: Self = 202
    package static let noContent: Self = 204
    package static let partialContent: Self = 206
    package static let movedPermanently: Self = 301
    package static let found: Self = 302
    package static let notModified: Self = 304
    package static let badRequest: Self = 400
    package static let unauthorized: Self = 401
    package static let forbidden: Self = 403
    package static let notFound: Self = 404
    package static let methodNotAllowed: Self = 405
    package static let requestTimeout: Self = 408
    package static let lengthRequired: Self = 411
    package static let contentTooLarge: Self = 413
    package static let unsupportedMediaType: Self = 415
    package static let rangeNotSatisfiable: Self = 416
    package static let upgradeRequired: Self = 426
    package static let tooManyRequests: Self = 429
    package static let requestHeaderFieldsTooLarge: Self = 431
    package static let internalServerError: Self = 500
    package static let notImplemented: Self = 501
    package static let badGateway: Self = 502
    package static let serviceUnavailable: Self = 503
    package static let httpVersionNotSupported: Self = 505

    private static let phrases: [Int: String] = [
        100: "Continue", 101: "Switching Protocols", 103: "Early Hints", 200: "OK", 201: "Created", 202: "Accepted",
        203: "Non-Authoritative Information", 204: "No Content", 205: "Reset Content", 206: "Partial Content",
        300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
        307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized",
        403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
        407: "Proxy Authentication Required", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
        411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long",
        415: "Unsupported Media Type", 416: "Range Not Satisfiable", 417: "Expectation Failed",
        421: "Misdirected Request", 422: "Unprocessable Content", 425: "Too Early", 426: "Upgrade Required",
        428: "Precondition Required", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
        451: "Unavailable For Legal Reasons", 500: "Internal Server Error", 501: "Not Implemented",
        502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported",
        511: "Network Authentication Required",
    ]
}
