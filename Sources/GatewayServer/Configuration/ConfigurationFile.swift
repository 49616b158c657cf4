import Glibc
import Primitives

/// The file itself: read whole, written atomically (temporary file, fsync, rename), mode 0600.
struct ConfigurationFile: Sendable {
    /// Of a file that is read; the reader of YAML takes no more either.
    private static let limit = 16 << 20

    let path: String

    var exists: Bool { unsafe access(path, F_OK) == 0 }

    /// - Returns: `nil` when there is no such file.
    func read() throws(ConfigurationError) -> ConfigurationDocument? {
        guard exists else { return nil }
        guard let text = String(validating: try bytes(), as: UTF8.self) else { throw .notText(path: path) }
        return try ConfigurationDocument(yaml: text, path: path)
    }

    private func bytes() throws(ConfigurationError) -> [UInt8] {
        do {
            let bytes = try AtomicFile.read(path, limit: Self.limit + 1)
            if bytes.count <= Self.limit { return bytes }
        } catch {
            throw .notReadable(path: path)
        }
        throw .tooLarge(path: path, limit: Self.limit)
    }

    /// Blocks for the disk. Folders are made for their owner alone.
    func write(_ document: ConfigurationDocument) throws(ConfigurationError) {
        do {
            try AtomicFile.write(Array(try document.text().utf8), to: path, mode: 0o600, folderMode: 0o700)
        } catch {
            throw .notWritable(path: path)
        }
    }
}
