import CLinux
import FoundationEssentials
import Glibc
import Primitives

/// A folder beside the installed front ends in which a new one is put together; nobody is served from it, since its name
/// begins with a dot. It is gone when its owner goes, whatever it became.
struct StagingFolder: ~Copyable {
    private let path: String
    private let limits: InstallLimits
    private(set) var files = 0
    private(set) var bytes = 0

    /// - Parameter parent: is made where it is missing.
    init(in parent: String, _ limits: InstallLimits) throws(TemplateError) {
        self.limits = limits
        let digits = (0..<16).map { _ in "0123456789abcdef".randomElement() ?? "0" }
        path = parent + "/.new-" + String(digits)
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw .cannotWrite(parent, .last)
        }
    }

    deinit {
        // What an exchange left in its place, or what was not finished.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Writes one file, and the folders above it.
    mutating func add(_ entry: EntryPath, _ read: FileReader) throws(TemplateError) {
        files += 1
        guard files <= limits.files else { throw .tooMuch("\(limits.files) files") }
        var folder = path
        for segment in entry.segments.dropLast() {
            folder += "/" + segment
            guard unsafe mkdir(folder, 0o755) == 0 || errno == EEXIST else { throw Self.failure(entry) }
        }
        let file = try create(entry)
        var size = 0
        var total = bytes
        let limits = self.limits
        try read { (piece) throws(TemplateError) in
            size += piece.count
            total += piece.count
            guard size <= limits.fileSize else { throw .tooMuch("\(limits.fileSize) bytes in a file") }
            guard total <= limits.totalSize else { throw .tooMuch("\(limits.totalSize) bytes") }
            do throws(SystemCallError) {
                try file.writeAll(piece)
            } catch {
                throw .cannotWrite(entry.text, error)
            }
        }
        bytes = total
        do throws(SystemCallError) { try file.sync() } catch { throw .cannotWrite(entry.text, error) }
    }

    /// Writes down what is being installed.
    func note(_ template: InstalledTemplate) throws(TemplateError) {
        let file = path + "/" + InstalledTemplate.manifestName
        do throws(SystemCallError) {
            try AtomicFile.write(template.manifest, to: file, mode: 0o644)
        } catch {
            throw .cannotWrite(file, error)
        }
    }

    /// Puts the folder in the place of another one, in one step; what was there goes with this value.
    consuming func replace(_ target: String) throws(TemplateError) {
        if unsafe rename(path, target) == 0 { return }
        let failure = SystemCallError.last
        // Something is there.
        guard [EEXIST, ENOTEMPTY, ENOTDIR].contains(failure.code) else { throw .cannotWrite(target, failure) }
        guard unsafe linux_exchange(path, target) == 0 else { throw .cannotWrite(target, .last) }
    }

    private func create(_ entry: EntryPath) throws(TemplateError) -> Descriptor {
        do throws(SystemCallError) {
            let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
            return Descriptor(owning: try retryingInterrupts { unsafe open(path + "/" + entry.text, flags, 0o644) })
        } catch {
            throw error.code == EEXIST ? .duplicate(entry.text) : .cannotWrite(entry.text, error)
        }
    }

    private static func failure(_ entry: EntryPath) -> TemplateError {
        let error = SystemCallError.last
        return error.code == ENOTDIR ? .duplicate(entry.text) : .cannotWrite(entry.text, error)
    }
}
