import Glibc

/// Finds a program by its bare name.
enum ExecutableSearch {
    /// - Parameters:
    ///   - command: taken as it is when it has a slash.
    ///   - path: folders separated by colons. Only absolute ones count: what the agent runs must not depend on the
    ///     folder it was started in.
    static func resolve(_ command: String, path: String) throws(ProcessStartError) -> String {
        if command.contains("/") { return command }
        for folder in path.split(separator: ":") where folder.hasPrefix("/") {
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
