/// Task 19: remove a file, a link or a directory (`agent-link.md` 2).
package struct FsDeleteTask: TaskBody {
    package var path: String
    package var recursive: Bool

    package init(path: String, recursive: Bool = false) {
        self.path = path
        self.recursive = recursive
    }

    private enum CodingKeys: String, CodingKey {
        case path
        case recursive
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(path: try values.decode(.path, or: ""), recursive: try values.decode(.recursive, or: false))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(path, forKey: .path)
        try values.encode(recursive, .recursive, unless: false)
    }
}

/// The answer to task 19.
package struct FsDeleteReply: TaskBody {
    package var deletedCount: Int
    package var error: String

    package init(deletedCount: Int = 0, error: String = "") {
        self.deletedCount = deletedCount
        self.error = error
    }

    private enum CodingKeys: String, CodingKey {
        case deletedCount = "deleted_count"
        case error
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            deletedCount: try values.decode(.deletedCount, or: 0), error: try values.decode(.error, or: ""))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(deletedCount, forKey: .deletedCount)
        try values.encode(error, .error, unless: "")
    }
}
