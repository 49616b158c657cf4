import CLinux
import Glibc
import Primitives

/// Where measurements come from: text files of the kernel and a few calls. A test gives its own texts.
protocol SystemReader: Sendable {
    /// The file's text; `nil` when it cannot be read.
    func text(_ path: String) -> String?
    /// Names in the directory, without `.` and `..`; empty when it cannot be read.
    func names(in directory: String) -> [String]
    /// Total and used bytes of the file system at `path`.
    func disk(at path: String) -> DiskSpace?
    /// The machine's name of its architecture, such as `x86_64`.
    var architecture: String { get }
    /// Nothing can be opened at the moment, so that what is not answered says nothing of the machine.
    var isShortOfDescriptors: Bool { get }
}

extension SystemReader {
    var isShortOfDescriptors: Bool { false }
}

struct DiskSpace: Sendable, Equatable {
    var total: UInt64
    var used: UInt64
}

/// The machine this process runs on.
struct LinuxSystemReader: SystemReader {
    func text(_ path: String) -> String? {
        guard let bytes = try? AtomicFile.read(path, limit: 4 << 20) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    func names(in directory: String) -> [String] {
        guard let stream = unsafe opendir(directory) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe EntryName(entry)
            if !name.isSelfOrParent { names.append(name.text) }
        }
        return names
    }

    func disk(at path: String) -> DiskSpace? {
        var total: UInt64 = 0
        var used: UInt64 = 0
        guard unsafe linux_disk_space(path, &total, &used) == 0 else { return nil }
        return DiskSpace(total: total, used: used)
    }

    var isShortOfDescriptors: Bool {
        let spare = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard spare < 0 else {
            close(spare)
            return false
        }
        return errno == EMFILE || errno == ENFILE
    }

    var architecture: String {
        var name = utsname()
        guard unsafe uname(&name) == 0 else { return "" }
        return unsafe withUnsafeBytes(of: &name.machine) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
