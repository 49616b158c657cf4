import Glibc

/// Finds a program by its bare name.
enum ExecutableSearch {
    /// - Parameters:
    ///   - command: taken as it is when it has a slash.
    ///   - path: folders separated by colons. Only absolute ones count: what the agent runs must not depend on the
    ///     folder it was started in.
    static func resolve(_ command: String, path: String) throws(ProcessStartError) -> String {
        let slash = UInt8(ascii: "/")
        if command.utf8.contains(slash) { return command }
        for folder in path[...].pieces(by: UInt8(ascii: ":")) where folder.utf8.first == slash {
            let candidate = "\(folder)/\(command)"
            if isExecutable(candidate) { return candidate }
        }
        throw .executableNotFound
    }

    /// A regular file (or a link to one) that this user may execute.
    static func isExecutable(_ path: String) -> Bool {
        unsafe FileStatus.following(path)?.kind == .file && access(path, X_OK) == 0
    }
}
