/// Task 16: list one directory (`agent-link.md` 2).
package struct FsListTask: TaskBody {
    package var path: String
    package var showHidden: Bool

    package init(path: String, showHidden: Bool = false) {
        self.path = path
        self.showHidden = showHidden
    }

    private enum CodingKeys: String, CodingKey {
        case path
        case showHidden = "show_hidden"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(path: try values.decode(.path, or: ""), showHidden: try values.decode(.showHidden, or: false))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(path, forKey: .path)
        try values.encode(showHidden, .showHidden, unless: false)
    }
}

/// The answer to task 16. Go agents send `entries: null` with an error; that reads as no entries.
package struct FsListReply: TaskBody {
    package static var maximumLength: Int { TaskBodyLimits.ample }

    package var entries: [FsEntry]
    package var truncated: Bool
    /// All entries, also those beyond the cap of 5,000; 0 where the agent did not say.
    package var total: Int
    package var error: String

    package init(entries: [FsEntry] = [], truncated: Bool = false, total: Int = 0, error: String = "") {
        self.entries = entries
        self.truncated = truncated
        self.total = total
        self.error = error
    }

    private enum CodingKeys: String, CodingKey {
        case entries
        case truncated
        case total
        case error
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            entries: try values.decode(.entries, or: []),
            truncated: try values.decode(.truncated, or: false),
            total: try values.decode(.total, or: 0),
            error: try values.decode(.error, or: ""))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(entries, forKey: .entries)
        try values.encode(truncated, .truncated, unless: false)
        try values.encode(total, .total, unless: 0)
        try values.encode(error, .error, unless: "")
    }
}

/// One entry of a directory.
package struct FsEntry: Codable, Sendable, Hashable {
    package var name: String
    /// `file`, `dir`, `symlink` or `special`.
    package var type: String
    package var size: Int64
    /// The 0777 bits in octal with a leading 0.
    package var mode: String
    /// Unix seconds.
    package var mtime: Int64
    package var isSymlink: Bool
    package var linkTarget: String
    /// The name's bytes where they are no plain UTF-8 text; empty else. Ours: other agents do not say it.
    package var nameBase64: String

    package init(
        name: String, type: String, size: Int64, mode: String, mtime: Int64, isSymlink: Bool = false,
        linkTarget: String = "", nameBase64: String = ""
    ) {
        self.name = name
        self.type = type
        self.size = size
        self.mode = mode
        self.mtime = mtime
        self.isSymlink = isSymlink
        self.linkTarget = linkTarget
        self.nameBase64 = nameBase64
    }

    private enum CodingKeys: String, CodingKey {
        case name
        case type
        case size
        case mode
        case mtime
        case isSymlink = "is_symlink"
        case linkTarget = "link_target"
        case nameBase64 = "name_base64"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            name: try values.decode(.name, or: ""),
            type: try values.decode(.type, or: ""),
            size: try values.decode(.size, or: 0),
            mode: try values.decode(.mode, or: ""),
            mtime: try values.decode(.mtime, or: 0),
            isSymlink: try values.decode(.isSymlink, or: false),
            linkTarget: try values.decode(.linkTarget, or: ""),
            nameBase64: try values.decode(.nameBase64, or: ""))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(type, forKey: .type)
        try values.encode(size, forKey: .size)
        try values.encode(mode, forKey: .mode)
        try values.encode(mtime, forKey: .mtime)
        try values.encode(isSymlink, .isSymlink, unless: false)
        try values.encode(linkTarget, .linkTarget, unless: "")
        try values.encode(nameBase64, .nameBase64, unless: "")
    }
}
