import Glibc
import Primitives

/// Why a file task failed. Its text is one of a fixed set (`agent-link.md` 2, error set), or what the system calls its
/// error: nothing else of the machine leaks through it.
enum FileTaskError: Error, Sendable, Equatable {
    case pathRequired
    case pathNotAbsolute
    case zeroByte
    case targetsRoot
    case deletesRoot
    case notRegularFile
    case notDirectory
    case preconditionMissing
    case preconditionMismatch
    case preconditionNotRegular
    case unknownEncoding(String)
    case invalidBase64
    case invalidMode(String)
    case contentTooLarge
    case cancelled
    case system(SystemCallError)
    case outOfContract

    var text: String {
        switch self {
        case .pathRequired: "path required"
        case .pathNotAbsolute: "path must be absolute"
        case .zeroByte: "path must not contain a zero byte"
        case .targetsRoot: "path targets a filesystem root"
        case .deletesRoot: "refusing to delete root"
        case .notRegularFile: "path is not a regular file"
        case .notDirectory: "path is not a directory"
        case .preconditionMissing: "if_match precondition failed: file does not exist"
        case .preconditionMismatch: "if_match precondition failed: sha256 mismatch"
        case .preconditionNotRegular: "if_match precondition failed: target is not a regular file"
        case .unknownEncoding(let name): "unknown encoding: \(name.prefix(64))"
        case .invalidBase64: "invalid base64: illegal data"
        case .invalidMode(let mode): "invalid mode: \"\(mode.prefix(64))\" is no octal number"
        case .contentTooLarge: "content exceeds max write size"
        case .system(let error) where error.code == ENOENT: "file or directory does not exist"
        case .system(let error) where error.code == EACCES || error.code == EPERM: "permission denied"
        case .system(let error) where error.code == ECANCELED: "internal agent error"
        case .system(let error): error.reason
        case .cancelled, .outOfContract: "internal agent error"
        }
    }
}
