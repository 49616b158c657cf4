import Glibc
import Primitives
import Secrets

/// A file without a name, for what cannot be gathered beside its target: the folder is read-only, and the file in it is
/// mounted by itself, as containers do it with a configuration.
enum SpareFile {
    /// Where every machine keeps such files; the second one is on a disk more often.
    private static let folders = ["/var/tmp", "/tmp", "/dev/shm"]

    /// - Returns: `nil` where none can be made.
    static func make() -> Descriptor? {
        for folder in folders {
            let path = "\(folder)/.nezha-agent-\(SecureRandom.alphanumeric(16))"
            let raw = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard raw >= 0 else { continue }
            unsafe unlink(path)
            return Descriptor(owning: raw)
        }
        return nil
    }
}
