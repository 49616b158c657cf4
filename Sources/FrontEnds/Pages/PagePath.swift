import Primitives

/// The path of a file below the top of a front end, as a request names it.
struct PagePath: Sendable, Hashable {
    /// Never empty; none of them is empty, begins with a dot or holds a slash.
    let segments: [String]

    /// Decodes once and refuses what is odd: a broken escape, a slash or backslash or control character in a name, an empty
    /// name, one that begins with a dot. A path that leaves the folder cannot even be written down then.
    /// - Parameter path: below the top, without the slash before it, still encoded.
    init?(_ path: Substring) {
        guard path.utf8.count <= 2048 else { return nil }
        var segments: [String] = []
        for part in path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let name = PercentCode.decode(part), let first = name.first, first != UInt8(ascii: "."),
                name.count <= 255, !name.contains(where: Self.isForbidden),
                let text = String(validating: name, as: UTF8.self)
            else { return nil }
            segments.append(text)
        }
        self.segments = segments
    }

    /// Whether each escape has its two digits; what has not is no path at all.
    static func isWellFormed(_ path: Substring) -> Bool { PercentCode.decode(path.utf8) != nil }

    /// The last name with this behind it.
    func appending(_ suffix: String) -> [String] {
        segments.dropLast() + [segments[segments.count - 1] + suffix]
    }

    private static func isForbidden(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\")
    }
}
