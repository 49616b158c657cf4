import CLinux
import FoundationEssentials
import Glibc
import Primitives

/// Where the files of a front end come from.
protocol FileSource: ~Copyable {
    /// Hands out each file, in the same order each time. What is never served is left out.
    /// - Throws: ``TemplateError``, what `take` throws.
    mutating func forEachFile(
        _ limits: InstallLimits, _ take: (EntryPath, FileReader) throws(TemplateError) -> Void
    ) throws(TemplateError)
}

/// Reads one file, piece by piece.
typealias FileReader = (_ take: ([UInt8]) throws(TemplateError) -> Void) throws(TemplateError) -> Void

/// A zip file, such as front ends are released as.
struct ZipSource: FileSource, ~Copyable {
    private var archive: ZipArchive

    init(_ path: String) throws(TemplateError) { archive = try ZipArchive(path) }

    mutating func forEachFile(
        _ limits: InstallLimits, _ take: (EntryPath, FileReader) throws(TemplateError) -> Void
    ) throws(TemplateError) {
        archive.rewind()
        // Folders count, too: an archive of nothing else must end as well.
        var count = 0
        while let entry = try archive.next() {
            count += 1
            guard count <= 2 * limits.files else { throw .tooMuch("\(limits.files) files") }
            let path = try EntryPath(entry.name[...], limits)
            guard entry.isPlain else { throw .notAFile(path.text) }
            guard !entry.isFolder, !path.isHidden else { continue }
            guard entry.isReadable else { throw .unsupported(path.text) }
            try take(path) { (piece) throws(TemplateError) in try archive.read(piece) }
        }
    }
}

/// A folder on this machine.
struct FolderSource: FileSource, ~Copyable {
    private let path: String

    init(_ path: String) { self.path = path }

    mutating func forEachFile(
        _ limits: InstallLimits, _ take: (EntryPath, FileReader) throws(TemplateError) -> Void
    ) throws(TemplateError) {
        // Names relative to the top; the last one is looked at next.
        var waiting = [""]
        while let folder = waiting.popLast() {
            for name in try names(in: folder) {
                let relative = folder.isEmpty ? name : folder + "/" + name
                let entry = try EntryPath(Array(relative.utf8)[...], limits)
                if entry.isHidden { continue }
                switch try kind(of: relative) {
                case S_IFDIR: waiting.append(relative)
                case S_IFREG:
                    try take(entry) { (piece) throws(TemplateError) in try read(relative, piece) }
                default: throw .notAFile(relative)
                }
            }
        }
    }

    private func names(in folder: String) throws(TemplateError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? path : path + "/" + folder)
                .sorted()
        } catch {
            throw .unreadable(path + "/" + folder, reason: "no folder that may be read")
        }
    }

    private func kind(of name: String) throws(TemplateError) -> mode_t {
        var status = linux_status()
        guard unsafe linux_status_at(AT_FDCWD, path + "/" + name, 0, &status) == 0 else {
            throw .unreadable(name, reason: SystemCallError.last.reason)
        }
        return status.mode & S_IFMT
    }

    private func read(
        _ name: String, _ take: ([UInt8]) throws(TemplateError) -> Void
    ) throws(TemplateError) {
        let file: Descriptor
        do throws(SystemCallError) {
            let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
            file = Descriptor(owning: try retryingInterrupts { unsafe open(path + "/" + name, flags) })
        } catch {
            throw .unreadable(name, reason: error.reason)
        }
        while true {
            let piece: [UInt8]
            do throws(SystemCallError) {
                piece = try file.read(limit: 65536)
            } catch {
                throw .unreadable(name, reason: error.reason)
            }
            if piece.isEmpty { return }
            try take(piece)
        }
    }
}
