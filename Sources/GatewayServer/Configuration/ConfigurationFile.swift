import Glibc

/// The file itself: read whole, written atomically (temporary file, fsync, rename), mode 0600.
struct ConfigurationFile: Sendable {
    /// Of a file that is read; the reader of YAML takes no more either.
    private static let limit = 16 << 20

    let path: String

    var exists: Bool { unsafe access(path, F_OK) == 0 }

    /// - Returns: `nil` when there is no such file.
    func read() throws(ConfigurationError) -> ConfigurationDocument? {
        guard exists else { return nil }
        guard let text = String(validating: try bytes(), as: UTF8.self) else { throw .notReadable(path: path) }
        return try ConfigurationDocument(yaml: text, path: path)
    }

    private func bytes() throws(ConfigurationError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .notReadable(path: path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe Glibc.read(descriptor, &part, part.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0, bytes.count <= Self.limit else { throw .notReadable(path: path) }
            if count == 0 { return bytes }
            bytes += part.prefix(count)
        }
    }

    /// Blocks for the disk.
    func write(_ document: ConfigurationDocument) throws(ConfigurationError) {
        do {
            let folder = FilePath.folder(of: path)
            try Self.makeFolder(folder)
            try replace(with: Array(try document.text().utf8), in: folder)
        } catch {
            throw .notWritable(path: path)
        }
    }

    /// Makes it for its owner alone, and those above it.
    private static func makeFolder(_ path: String) throws {
        if unsafe mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, path.utf8.contains(UInt8(ascii: "/")) else { throw Failed() }
        try makeFolder(FilePath.folder(of: path))
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw Failed() }
    }

    private struct Failed: Error {}

    /// Beside the file, then over it. A file that is mounted by itself cannot be replaced: it is written where it is.
    private func replace(with bytes: [UInt8], in folder: String) throws {
        let temporary = "\(path).\(getpid()).tmp"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            // A folder of another owner, or one that is mounted read-only, around a file that may be written.
            guard exists, [EACCES, EPERM, EROFS].contains(errno) else { throw Failed() }
            return try overwrite(with: bytes)
        }
        // Until the end, also of a write in place: should that be cut short, the whole text is here.
        defer {
            close(descriptor)
            unsafe unlink(temporary)
        }
        try Self.write(bytes, to: descriptor)
        guard unsafe rename(temporary, path) == 0 else {
            guard exists, [EBUSY, EXDEV].contains(errno) else { throw Failed() }
            return try overwrite(with: bytes)
        }
        let directory = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw Failed() }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw Failed() }
    }

    private func overwrite(with bytes: [UInt8]) throws {
        let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw Failed() }
        defer { close(descriptor) }
        // Cut off after the write, not before: a reader in between finds a text, not an empty file.
        try Self.write(bytes, to: descriptor)
        guard ftruncate(descriptor, off_t(bytes.count)) == 0, fsync(descriptor) == 0 else { throw Failed() }
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) throws {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes[written...].withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failed() }
            written += count
        }
        guard fsync(descriptor) == 0 else { throw Failed() }
    }
}
