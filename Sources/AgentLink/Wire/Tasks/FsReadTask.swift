/// Task 17: read a piece of one regular file (`agent-link.md` 2).
package struct FsReadTask: TaskBody {
    package var path: String
    package var offset: Int64
    /// 0 means as much as the agent gives, 1 MiB.
    package var length: Int64
    /// `utf8` or `base64`; empty means `utf8`.
    package var encoding: String

    package init(path: String, offset: Int64 = 0, length: Int64 = 0, encoding: String = "") {
        self.path = path
        self.offset = offset
        self.length = length
        self.encoding = encoding
    }

    private enum CodingKeys: String, CodingKey {
        case path
        case offset
        case length
        case encoding
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            path: try values.decode(.path, or: ""),
            offset: try values.decode(.offset, or: 0),
            length: try values.decode(.length, or: 0),
            encoding: try values.decode(.encoding, or: ""))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(path, forKey: .path)
        try values.encode(offset, .offset, unless: 0)
        try values.encode(length, .length, unless: 0)
        try values.encode(encoding, .encoding, unless: "")
    }
}

/// The answer to task 17. `size` and `sha256` are those of the bytes read, whatever became of them in `content`.
package struct FsReadReply: TaskBody {
    package static var maximumLength: Int { TaskBodyLimits.ample }

    package var content: String
    package var encoding: String
    package var size: Int64
    package var sha256: String
    /// Whether bytes remain after this piece.
    package var truncated: Bool
    package var error: String

    package init(
        content: String = "", encoding: String = "", size: Int64 = 0, sha256: String = "", truncated: Bool = false,
        error: String = ""
    ) {
        self.content = content
        self.encoding = encoding
        self.size = size
        self.sha256 = sha256
        self.truncated = truncated
        self.error = error
    }

    private enum CodingKeys: String, CodingKey {
        case content
        case encoding
        case size
        case sha256
        case truncated
        case error
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            content: try values.decode(.content, or: ""),
            encoding: try values.decode(.encoding, or: ""),
            size: try values.decode(.size, or: 0),
            sha256: try values.decode(.sha256, or: ""),
            truncated: try values.decode(.truncated, or: false),
            error: try values.decode(.error, or: ""))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(content, forKey: .content)
        try values.encode(encoding, forKey: .encoding)
        try values.encode(size, forKey: .size)
        try values.encode(sha256, .sha256, unless: "")
        try values.encode(truncated, .truncated, unless: false)
        try values.encode(error, .error, unless: "")
    }
}
