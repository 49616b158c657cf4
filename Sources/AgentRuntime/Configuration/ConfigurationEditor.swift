import Glibc
import Primitives

/// Lets a person change the configuration file in an editor; the file is replaced only by one that is valid.
package struct ConfigurationEditor: Sendable {
    package enum Outcome: Sendable, Equatable {
        /// Over these bytes; `nil` where there was no file.
        case saved(over: [UInt8]?)
        case unchanged
    }

    private let file: ConfigurationFile
    private let environment: [String: String]

    /// - Parameter environment: `VISUAL`, else `EDITOR`, names the editor, as a command line for the shell; and what
    ///   ``ConfigurationFile/load(environment:)`` reads.
    package init(file: ConfigurationFile, environment: [String: String]) {
        self.file = file
        self.environment = environment
    }

    /// What the person works on. It stays where it is when it is not valid, and the next time goes on from it.
    package var draft: String { file.path + ".draft" }

    /// Waits, on a thread of its own, until the editor ends.
    /// - Throws: ``ConfigurationError``; the configuration file is as it was then.
    package func run() async throws -> Outcome {
        try await WorkerThreads.files.run { try edit() }
    }

    private func edit() throws(ConfigurationError) -> Outcome {
        let old = try bytes(of: file.path)
        if try bytes(of: draft) == nil { try write(old ?? [], to: draft) }
        try openEditor()
        guard let new = try bytes(of: draft) else { throw .notFound(path: draft) }
        guard new != old else {
            unsafe unlink(draft)
            return .unchanged
        }
        // Makes a missing uuid as well, in the draft.
        _ = try ConfigurationFile(path: draft).load(environment: environment)
        try write(try bytes(of: draft) ?? new, to: file.path)
        unsafe unlink(draft)
        return .saved(over: old)
    }

    /// Takes back what was saved, as far as that can be done: it is a draft again.
    /// - Parameter former: what the file said before.
    package func takeBack(_ former: [UInt8]?) {
        if let saved = try? bytes(of: file.path) { try? write(saved, to: draft) }
        if let former { try? write(former, to: file.path) } else { unsafe unlink(file.path) }
    }

    private func openEditor() throws(ConfigurationError) {
        let editor = [environment["VISUAL"], environment["EDITOR"]].compactMap(\.self).first { !$0.isEmpty } ?? "vi"
        // As git does it: the editor may have arguments, the file's name may have anything.
        let arguments = unsafe Self.cStrings(["sh", "-c", "\(editor) \"$1\"", "sh", draft])
        let variables = unsafe Self.cStrings(environment.map { "\($0.key)=\($0.value)" })
        defer { unsafe (arguments + variables).forEach { unsafe free($0) } }
        var (pid, status) = (pid_t(), Int32())
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // We ignore SIGPIPE and SIGXFSZ, which the editor's filters must not inherit.
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGPIPE)
        unsafe sigaddset(&signals, SIGXFSZ)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        let failure = unsafe posix_spawn(&pid, "/bin/sh", nil, &attributes, arguments, variables)
        guard failure == 0 else { throw .editorFailed(editor) }
        while unsafe waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { throw .editorFailed(editor) }
        }
        guard status == 0 else { throw .editorFailed(editor) }
    }

    /// Ended by `nil`; the caller frees each.
    private static func cStrings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        unsafe texts.map { unsafe strdup($0) } + [nil]
    }

    private func bytes(of path: String) throws(ConfigurationError) -> [UInt8]? {
        do {
            return try AtomicFile.read(path, limit: 1 << 20)
        } catch {
            if error.code == ENOENT { return nil }
            throw .unreadable(path: path, reason: error.reason)
        }
    }

    private func write(_ bytes: [UInt8], to path: String) throws(ConfigurationError) {
        do {
            try AtomicFile.write(bytes, to: path, mode: 0o600, folderMode: 0o750)
        } catch {
            throw .unwritable(path: path, reason: error.reason)
        }
    }
}
