package import Primitives

/// Why a front end was not installed or removed; nothing was changed then.
package enum TemplateError: Error, Sendable, Equatable, CustomStringConvertible {
    case badName(String)
    case notInstalled(String)
    /// It is neither a folder nor a zip file.
    case unreadable(String, reason: String)
    /// A name in it that leads elsewhere or cannot be a path of a page.
    case badEntry(String)
    /// Links, devices and the like.
    case notAFile(String)
    case duplicate(String)
    /// Encrypted, or compressed in a way that is not read.
    case unsupported(String)
    case damaged(String)
    case noIndex
    /// More than a front end may have (``InstallLimits``).
    case tooMuch(String)
    case cannotWrite(String, SystemCallError)
    /// Whoever asked for it cannot be told of it.
    case notTold

    package var description: String {
        switch self {
        case .badName(let name):
            "\(name.debugDescription) is no name: letters, digits, '.', '_' and '-', at most 64, not beginning with '.'"
        case .notInstalled(let name): "no front end \(name.debugDescription) is installed"
        case .unreadable(let path, let reason): "\(path.debugDescription) cannot be read: \(reason)"
        case .badEntry(let name): "\(name.debugDescription) is no path of a page"
        case .notAFile(let name): "\(name.debugDescription) is neither a file nor a folder"
        case .duplicate(let name): "\(name.debugDescription) is there twice"
        case .unsupported(let name): "\(name.debugDescription) is encrypted, or compressed in a way that is not read"
        case .damaged(let name): "\(name.debugDescription) is damaged"
        case .noIndex: "there is no index.html, neither at the top nor in the only folder there"
        case .tooMuch(let what): "a front end has at most \(what)"
        case .cannotWrite(let path, let error): "\(path.debugDescription) cannot be written: \(error.reason)"
        case .notTold: "the answer cannot be written"
        }
    }
}
