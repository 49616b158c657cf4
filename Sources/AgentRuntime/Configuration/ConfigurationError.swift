/// Why the configuration cannot be used. No case ever carries the client secret.
package enum ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    case notFound(path: String)
    case unreadable(path: String, reason: String)
    case unwritable(path: String, reason: String)
    /// `place` is a line number: the text of the line may hold a secret.
    case notYAML(path: String, place: String)
    case missing(key: String, expected: String)
    case invalid(key: String, value: String, expected: String)
    case unknownKey(String)
    /// The editor could not be started or ended with a failure.
    case editorFailed(String)

    /// As in sysexits.h.
    package var exitCode: Int32 {
        switch self {
        case .notFound, .unreadable: 66
        case .unwritable: 73
        case .notYAML, .missing, .invalid: 78
        case .unknownKey: 64
        case .editorFailed: 69
        }
    }

    package var description: String {
        switch self {
        case .notFound(let path): "configuration file \(path) does not exist"
        case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
        case .unwritable(let path, let reason): "cannot write \(path): \(reason)"
        case .notYAML(let path, let place): "\(path) is not a YAML mapping of settings (\(place))"
        case .missing(let key, let expected): "\(key) is not set; expected \(expected)"
        case .invalid(let key, let value, let expected):
            "\(key) has the value \"\(value.prefix(200))\"; expected \(expected)"
        case .editorFailed(let editor): "the editor \(editor) failed; nothing was changed"
        case .unknownKey(let key): "there is no setting \(key)"
        }
    }
}
