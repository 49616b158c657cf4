/// Why there is no connection.
package enum ConnectError: Error, Sendable, Hashable, CustomStringConvertible {
    case hostNotFound
    case timeout
    /// What the last address that was tried failed with.
    case system(SystemError)
    case tls(TLSFailure)
    case cancelled

    package var description: String {
        switch self {
        case .hostNotFound: "host not found"
        case .timeout: "timeout"
        case .system(let error): error.description
        case .tls(let failure): failure.description
        case .cancelled: "cancelled"
        }
    }
}
