import Glibc

/// Turns the system's error numbers into ours.
enum FileFailure {
    static func error(_ code: Int32, path: String) -> StorageError {
        switch code {
        case EACCES, EPERM, EROFS, ENOTDIR, ENOENT, EISDIR, ELOOP, ENAMETOOLONG, EINVAL: .notWritable(path: path)
        default: .failed("file system error \(code)")
        }
    }
}
