/// The path of a file task: bytes, cleaned by themselves alone, and absolute (`agent-link.md` 2, Paths).
///
/// Folders on the way may be links, the last component is never followed.
struct TargetPath: Sendable, Hashable {
    /// Begins with a slash, and has no zero byte.
    let bytes: [UInt8]

    init(_ text: String) throws(FileTaskError) {
        try self.init(bytes: PathText.bytes(text))
    }

    init(bytes: [UInt8]) throws(FileTaskError) {
        if bytes.isEmpty { throw .pathRequired }
        // The system would see the part before it only.
        if bytes.contains(0) { throw .zeroByte }
        let slash = UInt8(ascii: "/")
        if bytes[0] != slash { throw .pathNotAbsolute }
        var parts: [ArraySlice<UInt8>] = []
        for part in bytes.split(separator: slash) where !part.elementsEqual([0x2E]) {
            if part.elementsEqual([0x2E, 0x2E]) {
                _ = parts.popLast()
            } else {
                parts.append(part)
            }
        }
        self.bytes = [slash] + Array(parts.joined(separator: [slash]))
    }

    /// For system calls.
    var cString: [CChar] { Self.cString(bytes[...]) }

    /// The folder, for system calls.
    var parent: [CChar] {
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")), slash > 0 else { return [0x2F, 0] }
        return Self.cString(bytes[..<slash])
    }

    /// The last component, for system calls; empty for the root.
    var name: [CChar] {
        Self.cString(bytes[((bytes.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...])
    }

    /// Whether it is the root of the file system, under whatever name: a folder may be mounted at several places.
    var isRoot: Bool {
        if bytes == [0x2F] { return true }
        guard let status = try? unsafe FileStatus(cString), status.kind == .directory else { return false }
        return status.isRoot
    }

    private static func cString(_ bytes: ArraySlice<UInt8>) -> [CChar] {
        bytes.map { CChar(bitPattern: $0) } + [0]
    }
}
