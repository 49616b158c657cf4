/// Why an outgoing request came to no answer. Neither the cases nor their texts hold anything of the URL, in which people
/// put keys.
package enum OutboundError: Error, Sendable, Hashable {
    /// No URL of scheme http or https with a host.
    case malformedURL
    /// The target's address is not public, and not in a network that is allowed by configuration; nothing was sent.
    case targetNotAllowed
    case hostNotFound
    /// The time for connecting, or for all of it, was over.
    case timeout
    /// The certificate is not one that this machine trusts for the host, or TLS failed otherwise.
    case tls(String)
    /// What libcurl says happened to the connection or to the answer.
    case failed(String)
    /// As many requests run as may.
    case busy
    /// This machine has no libcurl, or one that is too old.
    case unavailable
    case cancelled
}

extension OutboundError: CustomStringConvertible {
    /// For people, in the middle of a message.
    package var description: String {
        switch self {
        case .malformedURL: "not an http or https URL"
        case .targetNotAllowed: "HTTP URL target is not allowed"
        case .hostNotFound: "the host was not found"
        case .timeout: "no answer in time"
        case .tls(let reason): "TLS: \(reason)"
        case .failed(let reason): reason
        case .busy: "too many outgoing requests at a time"
        case .unavailable: "this machine has no libcurl (libcurl.so.4), which outgoing requests need"
        case .cancelled: "the request was cancelled"
        }
    }
}
