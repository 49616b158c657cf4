/// Why the gateway could not listen. Each case names what an operator can change.
package enum ListenerError: Error, Sendable, Equatable, CustomStringConvertible {
    case cannotListen(host: String, port: Int, reason: String)
    case badCertificate(path: String, reason: String)
    case badKey(path: String, reason: String)

    package var description: String {
        switch self {
        case .cannotListen(let host, let port, let reason): "cannot listen on \(host):\(port): \(reason)"
        case .badCertificate(let path, let reason): "cannot use the certificate \(path): \(reason)"
        case .badKey(let path, let reason): "cannot use the private key \(path): \(reason)"
        }
    }
}
