/// Paths of files as texts.
package enum FilePath {
    /// The folder that a file is in; `.` for a mere name.
    package static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
