import Foundation

/// The file itself: read whole, written atomically (temporary file, fsync, rename), mode 0600.
struct ConfigurationFile: Sendable {
    let path: String

    var exists: Bool { access(path, F_OK) == 0 }

    /// - Returns: `nil` when there is no such file.
    func read() throws(ConfigurationError) -> ConfigurationDocument? {
        guard exists else { return nil }
        guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8)
        else {
            throw .notReadable(path: path)
        }
        return try ConfigurationDocument(yaml: text, path: path)
    }

    /// Blocks for the disk.
    func write(_ document: ConfigurationDocument) throws(ConfigurationError) {
        let folder = (path as NSString).deletingLastPathComponent
        let place = folder.isEmpty ? "." : folder
        do {
            try FileManager.default.createDirectory(
                atPath: place, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let bytes = Array(try document.text().utf8)
            try replace(with: bytes, in: place)
        } catch {
            throw .notWritable(path: path)
        }
    }

    private struct Failed: Error {}

    private func replace(with bytes: [UInt8], in folder: String) throws {
        let temporary = "\(path).\(getpid()).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Failed() }
        var isPlaced = false
        defer {
            close(descriptor)
            if !isPlaced { unlink(temporary) }
        }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failed() }
            written += count
        }
        guard fsync(descriptor) == 0, rename(temporary, path) == 0 else { throw Failed() }
        isPlaced = true
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw Failed() }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw Failed() }
    }
}
