/// Tasks 8 (terminal) and 11 (file manager): open an IOStream (`agent-link.md` 2).
package struct StreamTask: TaskBody {
    package var streamID: String

    package init(streamID: String) {
        self.streamID = streamID
    }

    private enum CodingKeys: String, CodingKey {
        case streamID = "StreamID"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(streamID: try values.decode(.streamID, or: ""))
    }
}

/// Task 9: open an IOStream to a TCP address that the agent reaches (`agent-link.md` 2).
package struct NATTask: TaskBody {
    package var streamID: String
    /// `host:port`.
    package var host: String

    package init(streamID: String, host: String) {
        self.streamID = streamID
        self.host = host
    }

    private enum CodingKeys: String, CodingKey {
        case streamID = "StreamID"
        case host = "Host"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(streamID: try values.decode(.streamID, or: ""), host: try values.decode(.host, or: ""))
    }
}

/// Task 10001, ours: stop the task with this id (`agent-link.md` 6). Id 0 names none.
package struct CancelTask: TaskBody {
    package var id: UInt64

    package init(id: UInt64) {
        self.id = id
    }

    private enum CodingKeys: String, CodingKey {
        case id
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(id: try values.decode(.id, or: 0))
    }
}
