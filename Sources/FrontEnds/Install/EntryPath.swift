/// The path of a file below the top of a front end, checked: it leads nowhere else on any system.
struct EntryPath: Sendable, Hashable {
    let segments: [String]

    var text: String { segments.joined(separator: "/") }

    /// - Parameter bytes: as an archive has it, with slashes.
    /// - Throws: ``TemplateError/badEntry(_:)`` for what is absolute, leads upwards, or holds a backslash, a colon, a
    ///   control character or bytes that are no UTF-8; ``TemplateError/tooMuch(_:)``.
    init(_ bytes: ArraySlice<UInt8>, _ limits: InstallLimits) throws(TemplateError) {
        let shown = String(decoding: bytes.prefix(256), as: UTF8.self)
        guard bytes.count <= limits.pathLength else { throw .tooMuch("\(limits.pathLength) bytes in a path") }
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(where: Self.isForbidden) else {
            throw .badEntry(shown)
        }
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Substring.init)
        guard parts.count <= limits.depth else { throw .tooMuch("\(limits.depth) folders above each other") }
        guard
            parts.allSatisfy({ part in
                !part.utf8.isEmpty && !part.utf8.elementsEqual(".".utf8) && !part.utf8.elementsEqual("..".utf8)
                    && part.utf8.count <= 255
            })
        else { throw .badEntry(shown) }
        segments = parts.map(String.init)
    }

    private init(segments: [String]) { self.segments = segments }

    /// Whether it is one that is never served, and so not installed: what systems leave behind.
    var isHidden: Bool {
        segments.contains { $0.utf8.first == UInt8(ascii: ".") }
            || segments[0].utf8.elementsEqual("__MACOSX".utf8)
    }

    /// The path below its first folder; `nil` for a file at the top.
    var belowFirst: EntryPath? {
        segments.count > 1 ? EntryPath(segments: Array(segments.dropFirst())) : nil
    }

    private static func isForbidden(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "\\") || byte == UInt8(ascii: ":")
    }
}
