/// A file manager frame that cannot be read; an agent answers it with `data is invalid`.
package struct InvalidFileManagerFrame: Error, Sendable, Equatable {
    package init() {}
}

/// What goes to an agent's file manager (`agent-link.md` 3). Paths are bytes, as the file system has them.
package enum FileManagerCommand: Sendable, Hashable {
    case list(path: [UInt8])
    case download(path: [UInt8])
    /// Raw data frames follow until `size` bytes came.
    case upload(size: UInt64, path: [UInt8])

    /// `nil` for what an agent ignores: an empty frame or another operation.
    /// - Throws: ``InvalidFileManagerFrame``.
    package init?(_ frame: [UInt8]) throws(InvalidFileManagerFrame) {
        guard let operation = frame.first, operation < 3 else { return nil }
        var rest = frame[1...]
        var size: UInt64 = 0
        if operation == 2 {
            guard let value = BigEndian.read(UInt64.self, rest) else { throw InvalidFileManagerFrame() }
            size = value
            rest = rest.dropFirst(8)
        }
        let path = Array(rest)
        // No file system has such a name.
        if path.contains(0) { throw InvalidFileManagerFrame() }
        switch operation {
        case 0: self = .list(path: path)
        case 1: self = .download(path: path)
        default: self = .upload(size: size, path: path)
        }
    }

    package var bytes: [UInt8] {
        switch self {
        case .list(let path): [0] + path
        case .download(let path): [1] + path
        case .upload(let size, let path): [2] + BigEndian.bytes(size) + path
        }
    }
}

/// What comes back from an agent's file manager, besides raw data.
package enum FileManagerReply: Sendable, Hashable {
    /// One entry of a listing. Names are bytes, as the file system has them.
    package struct Entry: Sendable, Hashable {
        package var isDirectory: Bool
        package var name: [UInt8]

        package init(isDirectory: Bool, name: [UInt8]) {
            self.isDirectory = isDirectory
            self.name = name
        }

        package init(isDirectory: Bool, name: String) {
            self.init(isDirectory: isDirectory, name: Array(name.utf8))
        }
    }

    /// NZFN. `path` is what was listed, not always what was asked for.
    case listing(path: [UInt8], entries: [Entry])
    /// NZTD: raw data frames of `size` bytes in all follow.
    case download(size: UInt64)
    /// NZUP: the upload is complete.
    case uploaded
    /// NERR.
    case error(String)

    private static let listingMagic: [UInt8] = Array("NZFN".utf8)
    private static let downloadMagic: [UInt8] = Array("NZTD".utf8)
    private static let uploadedMagic: [UInt8] = Array("NZUP".utf8)
    private static let errorMagic: [UInt8] = Array("NERR".utf8)

    /// `nil` when the frame has no magic, so is raw data (inside a download, where data may also look like a frame,
    /// count the bytes instead).
    /// - Throws: ``InvalidFileManagerFrame``.
    package init?(_ frame: [UInt8]) throws(InvalidFileManagerFrame) {
        let rest = frame.dropFirst(4)
        if frame.starts(with: Self.listingMagic) {
            self = try Self.listing(rest)
        } else if frame.starts(with: Self.downloadMagic) {
            guard rest.count == 8, let size = BigEndian.read(UInt64.self, rest) else {
                throw InvalidFileManagerFrame()
            }
            self = .download(size: size)
        } else if frame == Self.uploadedMagic {
            self = .uploaded
        } else if frame.starts(with: Self.errorMagic) {
            self = .error(String(decoding: rest, as: UTF8.self))
        } else {
            return nil
        }
    }

    /// Entries whose name is longer than the 255 bytes a frame can say are left out.
    package var bytes: [UInt8] {
        switch self {
        case .listing(let path, let entries):
            var bytes = Self.listingMagic + BigEndian.bytes(UInt32(clamping: path.count)) + path
            for entry in entries {
                guard let length = UInt8(exactly: entry.name.count) else { continue }
                bytes.append(entry.isDirectory ? 1 : 0)
                bytes.append(length)
                bytes.append(contentsOf: entry.name)
            }
            return bytes
        case .download(let size): return Self.downloadMagic + BigEndian.bytes(size)
        case .uploaded: return Self.uploadedMagic
        case .error(let text): return Self.errorMagic + Array(text.utf8)
        }
    }

    private static func listing(_ body: ArraySlice<UInt8>) throws(InvalidFileManagerFrame) -> FileManagerReply {
        var rest = body
        guard let length = BigEndian.read(UInt32.self, rest) else { throw InvalidFileManagerFrame() }
        rest = rest.dropFirst(4)
        guard rest.count >= Int(length) else { throw InvalidFileManagerFrame() }
        let path = Array(rest.prefix(Int(length)))
        rest = rest.dropFirst(Int(length))
        var entries: [Entry] = []
        while let kind = rest.first {
            guard let size = rest.dropFirst().first, rest.count >= 2 + Int(size) else {
                throw InvalidFileManagerFrame()
            }
            entries.append(Entry(isDirectory: kind == 1, name: Array(rest.dropFirst(2).prefix(Int(size)))))
            rest = rest.dropFirst(2 + Int(size))
        }
        return .listing(path: path, entries: entries)
    }
}
