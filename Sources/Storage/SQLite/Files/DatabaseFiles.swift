import Glibc
import Logging

/// The files of one database, readable by their owner alone.
struct DatabaseFiles: Sendable {
    /// Absolute, so that neither a later change of directory nor SQLite's URI syntax can give it another meaning.
    let path: String

    var lockPath: String { path + ".lock" }

    init(path: String) throws {
        guard !path.isEmpty, !path.utf8.contains(0) else { throw StorageError.notWritable(path: path) }
        if path.hasPrefix("/") {
            self.path = path
        } else {
            guard let current = unsafe getcwd(nil, 0) else { throw FileFailure.error(errno, path: path) }
            defer { unsafe free(current) }
            self.path = unsafe String(cString: current) + "/" + path
        }
    }

    /// Makes missing folders with mode 0700; those that exist keep theirs.
    func createFolder() throws {
        var folder = ""
        for component in path.split(separator: "/").dropLast() {
            folder += "/" + component
            if unsafe mkdir(folder, 0o700) != 0, errno != EEXIST {
                // Some systems answer EACCES or EROFS even when the folder is there.
                let code = errno
                guard unsafe access(folder, F_OK) == 0 else { throw FileFailure.error(code, path: path) }
            }
        }
    }

    /// Creates the database file with mode 0600 if it is missing, before SQLite would with the umask's.
    /// SQLite gives its companions (-wal, -shm) the mode of the database.
    func createFile() throws {
        // Only ever a new file (O_EXCL): closing a descriptor of an open database would drop SQLite's POSIX locks.
        var descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor < 0, errno == EEXIST, kind == .missing {
            // A link to where no file is yet: it is made there.
            descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw FileFailure.error(errno, path: path) }
        }
        if descriptor >= 0 {
            fchmod(descriptor, 0o600)
            close(descriptor)
        } else if errno != EEXIST {
            throw FileFailure.error(errno, path: path)
        }
    }

    /// Takes away what others may do with files that were made laxer, by hand or by an older program.
    func tighten(logger: Logger) {
        for file in [path, path + "-wal", path + "-shm", lockPath] {
            var status = stat()
            guard unsafe stat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o077 != 0
            else { continue }
            let done = unsafe chmod(file, 0o600) == 0
            logger.warning(
                done ? "took away others' access to a database file" : "others have access to a database file",
                metadata: ["path": "\(file)"])
        }
    }

    /// What a database and its log take of the disk.
    static func bytes(of path: String) -> Int64 {
        [path, path + "-wal"].reduce(0) { $0 + Int64(status(of: $1)?.st_size ?? 0) }
    }

    private static func status(of file: String) -> stat? {
        var status = stat()
        return unsafe stat(file, &status) == 0 ? status : nil
    }

    /// What is left of a database that was here: its log, which would be replayed into the next one.
    var leftover: String? {
        if hasJournal { return journalPath }
        return Self.status(of: path + "-wal").map { $0.st_size > 0 } == true ? path + "-wal" : nil
    }

    private var journalPath: String { path + "-journal" }

    /// Whether a program was killed in the middle of a transaction that the file has in part.
    var hasJournal: Bool { Self.status(of: journalPath).map { $0.st_size > 0 } ?? false }

    /// The file that the path names now.
    var identity: Identity? {
        Self.status(of: path).map { Identity(device: $0.st_dev, inode: $0.st_ino) }
    }

    struct Identity: Sendable, Equatable {
        let device: dev_t
        let inode: ino_t
    }

    enum Kind {
        case missing, empty, content, noFile
    }

    var kind: Kind {
        guard let status = Self.status(of: path) else { return .missing }
        guard status.st_mode & S_IFMT == S_IFREG else { return .noFile }
        return status.st_size == 0 ? .empty : .content
    }

    /// Whether this process may write the file and its folder (where -wal and -shm go).
    func requireWritable() throws {
        let folder = path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)
        let takesFiles = unsafe access(folder.isEmpty ? "/" : String(folder), W_OK | X_OK) == 0
        let isOurs = unsafe kind == .missing || access(path, R_OK | W_OK) == 0
        guard takesFiles, isOurs else { throw StorageError.notWritable(path: path) }
    }
}
