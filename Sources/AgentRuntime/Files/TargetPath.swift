/// The path of a file task: cleaned by its text alone, and absolute (`agent-link.md` 2, Paths).
///
/// Folders on the way may be links, the last component is never followed.
struct TargetPath: Sendable, Equatable {
    let text: String

    init(_ text: String) throws(FileTaskError) {
        if text.isEmpty { throw .pathRequired }
        // The system would see the part before it only.
        if text.utf8.contains(0) { throw .outOfContract }
        if text.utf8.first != UInt8(ascii: "/") { throw .pathNotAbsolute }
        var parts: [Substring] = []
        for part in text.split(separator: "/") where part != "." {
            if part == ".." {
                _ = parts.popLast()
            } else {
                parts.append(part)
            }
        }
        self.text = "/" + parts.joined(separator: "/")
    }

    var isRoot: Bool { text == "/" }

    var parent: String {
        guard let slash = text.lastIndex(of: "/"), slash != text.startIndex else { return "/" }
        return String(text[..<slash])
    }

    /// The last component; empty for the root.
    var name: String {
        text.lastIndex(of: "/").map { String(text[text.index(after: $0)...]) } ?? text
    }
}
