/// Why what came is not answered as a request. The connection ends then: where the next request begins is not known.
package enum HTTP1Fault: Error, Sendable, Hashable {
    /// It is no HTTP/1, or says two things at once.
    case malformed
    /// The head, the trailers or what stands beside the chunks is too long.
    case tooLarge
    /// The body has a transfer coding that is not spoken here, or the method wants a tunnel.
    case notImplemented
    /// Another major version of HTTP.
    case versionNotSupported
    /// The head did not come in time.
    case timeout

    var status: HTTPResponse.Status {
        switch self {
        case .malformed, .tooLarge: .badRequest
        case .notImplemented: .notImplemented
        case .versionNotSupported: .httpVersionNotSupported
        case .timeout: .requestTimeout
        }
    }
}
