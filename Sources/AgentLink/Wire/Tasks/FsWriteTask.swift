/// Task 18: replace one file (`agent-link.md` 2).
package struct FsWriteTask: TaskBody {
    package static var maximumLength: Int { TaskBodyLimits.ample }

    package var path: String
    package var content: String
    /// `utf8` or `base64`; empty means `utf8`.
    package var encoding: String
    /// Octal; empty means `0644`.
    package var mode: String
    /// Lower-case hex: agents compare it literally.
    package var ifMatchSHA256: String
    package var createDirs: Bool

    package init(
        path: String, content: String, encoding: String = "", mode: String = "", ifMatchSHA256: String = "",
        createDirs: Bool = false
    ) {
        self.path = path
        self.content = content
        self.encoding = encoding
        self.mode = mode
        self.ifMatchSHA256 = ifMatchSHA256
        self.createDirs = createDirs
    }

    private enum CodingKeys: String, CodingKey {
        case path
        case content
        case encoding
        case mode
        case ifMatchSHA256 = "if_match_sha256"
        case createDirs = "create_dirs"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            path: try values.decode(.path, or: ""),
            content: try values.decode(.content, or: ""),
            encoding: try values.decode(.encoding, or: ""),
            mode: try values.decode(.mode, or: ""),
            ifMatchSHA256: try values.decode(.ifMatchSHA256, or: ""),
            createDirs: try values.decode(.createDirs, or: false))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(path, forKey: .path)
        try values.encode(content, forKey: .content)
        try values.encode(encoding, .encoding, unless: "")
        try values.encode(mode, .mode, unless: "")
        try values.encode(ifMatchSHA256, .ifMatchSHA256, unless: "")
        try values.encode(createDirs, .createDirs, unless: false)
    }
}

/// The answer to task 18.
package struct FsWriteReply: TaskBody {
    package var size: Int64
    package var sha256: String
    package var error: String

    package init(size: Int64 = 0, sha256: String = "", error: String = "") {
        self.size = size
        self.sha256 = sha256
        self.error = error
    }

    private enum CodingKeys: String, CodingKey {
        case size
        case sha256
        case error
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            size: try values.decode(.size, or: 0),
            sha256: try values.decode(.sha256, or: ""),
            error: try values.decode(.error, or: ""))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(size, forKey: .size)
        try values.encode(sha256, forKey: .sha256)
        try values.encode(error, .error, unless: "")
    }
}
