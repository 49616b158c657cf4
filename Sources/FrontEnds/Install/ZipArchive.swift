private import CMinizip

/// All of minizip: reads a zip file, entry by entry, in the order of its directory. The calls block.
@safe
struct ZipArchive: ~Copyable {
    /// An entry as the directory has it. Nothing of it can be trusted.
    struct Entry {
        var name: [UInt8]
        var isFolder: Bool
        /// A file, as far as the archive says what it is.
        var isPlain: Bool
        var isReadable: Bool
    }

    /// Longer names are cut, and refused for it.
    private static let longestName = 4096
    private static let unix = 3
    private static let typeMask = 0o170000, regular = 0o100000, folder = 0o040000

    private let file: unzFile
    private let path: String
    private var isAtStart = true

    /// - Throws: ``TemplateError/unreadable(_:reason:)``
    init(_ path: String) throws(TemplateError) {
        guard let file = unsafe path.withCString({ unsafe unzOpen64($0) }) else {
            throw .unreadable(path, reason: "neither a folder nor a zip file")
        }
        unsafe self.file = unsafe file
        self.path = path
    }

    deinit {
        unsafe unzClose(file)
    }

    /// Goes back to the first entry.
    mutating func rewind() { isAtStart = true }

    /// - Returns: `nil` after the last one.
    mutating func next() throws(TemplateError) -> Entry? {
        let code = unsafe isAtStart ? unzGoToFirstFile(file) : unzGoToNextFile(file)
        if code == UNZ_END_OF_LIST_OF_FILE { return nil }
        guard code == UNZ_OK else { throw .damaged(path) }
        isAtStart = false
        var info = unz_file_info64()
        var name = [UInt8](repeating: 0, count: Self.longestName + 1)
        let status = unsafe name.withUnsafeMutableBytes { name in
            unsafe unzGetCurrentFileInfo64(
                file, &info, name.baseAddress?.assumingMemoryBound(to: CChar.self), UInt(Self.longestName), nil, 0, nil,
                0)
        }
        guard status == UNZ_OK, info.size_filename <= UInt(Self.longestName) else { throw .damaged(path) }
        name.removeLast(name.count - Int(info.size_filename))
        let isFolder = name.last == UInt8(ascii: "/")
        if isFolder { name.removeLast() }
        // Archives of other systems say nothing of links.
        let type = info.version >> 8 == UInt(Self.unix) ? Int(info.external_fa >> 16) & Self.typeMask : 0
        return Entry(
            name: name, isFolder: isFolder, isPlain: type == 0 || type == (isFolder ? Self.folder : Self.regular),
            isReadable: info.flag & 1 == 0 && (info.compression_method == 0 || info.compression_method == 8))
    }

    /// Reads the entry that ``next()`` came to.
    /// - Parameter take: gets piece after piece; what the directory says of their sum is not believed.
    /// - Throws: ``TemplateError/damaged(_:)``, also for a wrong checksum; what `take` throws.
    func read(_ take: ([UInt8]) throws(TemplateError) -> Void) throws(TemplateError) {
        guard unsafe unzOpenCurrentFile(file) == UNZ_OK else { throw .damaged(path) }
        do throws(TemplateError) {
            while true {
                var piece = [UInt8](repeating: 0, count: 65536)
                let count = unsafe piece.withUnsafeMutableBytes { piece in
                    unsafe unzReadCurrentFile(file, piece.baseAddress, UInt32(piece.count))
                }
                guard count >= 0 else { throw .damaged(path) }
                if count == 0 { break }
                piece.removeLast(piece.count - Int(count))
                try take(piece)
            }
        } catch {
            unsafe unzCloseCurrentFile(file)
            throw error
        }
        guard unsafe unzCloseCurrentFile(file) == UNZ_OK else { throw .damaged(path) }
    }
}
