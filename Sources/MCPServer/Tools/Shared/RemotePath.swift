/// An absolute path on a server, taken apart as agents do it: by its text alone, `.` and `..` included
/// (`agent-link.md` 2, Paths). Beginning with `/`, or with a drive letter for agents on Windows.
struct RemotePath: Sendable, Equatable {
    /// `/`, or such as `C:\`.
    let root: String
    private(set) var parts: [String]

    /// - Returns: `nil` for a path that is not absolute.
    init?(_ text: String) {
        if text.hasPrefix("/") {
            root = "/"
            parts = []
            append(text)
            return
        }
        let head = Array(text.utf8.prefix(3))
        guard head.count == 3, head[1] == UInt8(ascii: ":"), Self.isLetter(head[0]),
            head[2] == UInt8(ascii: "\\") || head[2] == UInt8(ascii: "/")
        else { return nil }
        root = text.prefix(2) + "\\"
        parts = []
        append(String(text.dropFirst(3)))
    }

    var isDrive: Bool { root != "/" }

    /// The last component; `nil` for the root.
    var name: String? { parts.last }

    var text: String { root + parts.joined(separator: isDrive ? "\\" : "/") }

    /// The root is its own parent.
    var parent: RemotePath {
        var parent = self
        _ = parent.parts.popLast()
        return parent
    }

    /// This path, its parent and so on, without the root.
    var lineage: [RemotePath] {
        var found: [RemotePath] = []
        var path = self
        while !path.parts.isEmpty {
            found.append(path)
            path = path.parent
        }
        return found
    }

    /// Where a link in this directory leads.
    func following(_ target: String) -> RemotePath {
        if let absolute = RemotePath(target) { return absolute }
        var path = self
        path.append(target)
        return path
    }

    /// Whether two names are the same to the file system: byte for byte, without regard to case on drives.
    func isName(_ left: String, _ right: String) -> Bool {
        isDrive ? left.lowercased() == right.lowercased() : left.utf8.elementsEqual(right.utf8)
    }

    /// Whether the text climbs, so that it means something else behind a link.
    func climbs(_ target: String) -> Bool {
        RemotePath(target) == nil && components(of: target).contains("..")
    }

    private mutating func append(_ text: String) {
        for part in components(of: text) where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
    }

    private func components(of text: String) -> [String] {
        // By scalars: a combining mark after a slash must not hide it.
        text.unicodeScalars.split { $0 == "/" || (isDrive && $0 == "\\") }.map { String($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
    }
}
