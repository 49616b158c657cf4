import Glibc

/// Removes a name and what is below it. Links are removed, never followed.
enum DirectoryRemoval {
    /// - Returns: How many names were removed, `name` included; 0 when there was none.
    static func remove(
        _ name: UnsafePointer<CChar>, in directory: Int32, isCancelled: () -> Bool
    ) throws(SystemCallError) -> Int {
        if unsafe unlinkat(directory, name, 0) == 0 { return 1 }
        switch errno {
        case ENOENT: return 0
        // Linux answers EISDIR for a directory; EPERM is what POSIX and some file systems say.
        case EISDIR, EPERM: break
        default: throw .last
        }
        let failure = SystemCallError.last
        guard try unsafe FileStatus(name, in: directory).kind == .directory else { throw failure }
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let inner = Descriptor(owning: try retryingInterrupts { unsafe openat(directory, name, flags) })
        var count = 0
        // Names that come while we remove are found by the next look; a folder that keeps growing is given up.
        for _ in 0..<100 {
            let names = try names(in: inner)
            if names.isEmpty { break }
            for child in names {
                if isCancelled() { throw SystemCallError(code: ECANCELED) }
                unsafe count += try remove(child.cString, in: inner.raw, isCancelled: isCancelled)
            }
        }
        try retryingInterrupts { unsafe unlinkat(directory, name, AT_REMOVEDIR) }
        return count + 1
    }

    private static func names(in directory: borrowing Descriptor) throws(SystemCallError) -> [EntryName] {
        let raw = directory.raw
        // A descriptor of its own: closedir closes the one it was given.
        let copy = try retryingInterrupts { unsafe openat(raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard let stream = unsafe fdopendir(copy) else {
            let failure = SystemCallError.last
            close(copy)
            throw failure
        }
        defer { unsafe closedir(stream) }
        var names: [EntryName] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe EntryName(entry)
            if !name.isSelfOrParent { names.append(name) }
        }
        return names
    }
}
