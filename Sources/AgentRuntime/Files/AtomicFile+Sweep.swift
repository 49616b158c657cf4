import Glibc
import Primitives

extension AtomicFile {
    /// Removes temporary files of `path` that a process left which was killed.
    static func sweep(besides path: String) {
        guard let stream = unsafe opendir(folder(of: path)) else { return }
        defer { unsafe closedir(stream) }
        while let entry = unsafe readdir(stream) {
            let name = unsafe EntryName(entry)
            if isLeftover(name.bytes, of: path) { unsafe unlinkat(dirfd(stream), name.cString, 0) }
        }
    }
}
