/// Task 20: move one file over an IOStream, in the frames of ``TransferFrame`` (`agent-link.md` 2 and 3).
package struct FsTransferTask: TaskBody {
    package enum Operation: String, Sendable, CaseIterable {
        case upload
        case download
    }

    package var streamID: String
    /// Kept as text, since an agent answers an unknown one on the stream; see ``operation``.
    package var op: String
    package var path: String
    /// Of the body of an upload.
    package var size: Int64
    package var mode: String
    package var createDirs: Bool
    package var ifMatchSHA256: String
    /// Lower-case hex of the body of an upload; empty: not checked.
    package var expectedSHA256: String

    /// `nil` for a word this build does not know.
    package var operation: Operation? { Operation(rawValue: op) }

    package init(
        streamID: String, operation: Operation, path: String, size: Int64 = 0, mode: String = "",
        createDirs: Bool = false, ifMatchSHA256: String = "", expectedSHA256: String = ""
    ) {
        self.streamID = streamID
        self.op = operation.rawValue
        self.path = path
        self.size = size
        self.mode = mode
        self.createDirs = createDirs
        self.ifMatchSHA256 = ifMatchSHA256
        self.expectedSHA256 = expectedSHA256
    }

    private enum CodingKeys: String, CodingKey {
        case streamID = "stream_id"
        case op
        case path
        case size
        case mode
        case createDirs = "create_dirs"
        case ifMatchSHA256 = "if_match_sha256"
        case expectedSHA256 = "expected_sha256"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        streamID = try values.decode(.streamID, or: "")
        op = try values.decode(.op, or: "")
        path = try values.decode(.path, or: "")
        size = try values.decode(.size, or: 0)
        mode = try values.decode(.mode, or: "")
        createDirs = try values.decode(.createDirs, or: false)
        ifMatchSHA256 = try values.decode(.ifMatchSHA256, or: "")
        expectedSHA256 = try values.decode(.expectedSHA256, or: "")
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(streamID, forKey: .streamID)
        try values.encode(op, forKey: .op)
        try values.encode(path, forKey: .path)
        try values.encode(size, .size, unless: 0)
        try values.encode(mode, .mode, unless: "")
        try values.encode(createDirs, .createDirs, unless: false)
        try values.encode(ifMatchSHA256, .ifMatchSHA256, unless: "")
        try values.encode(expectedSHA256, .expectedSHA256, unless: "")
    }
}
