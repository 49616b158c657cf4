/// Tasks 8 (terminal) and 11 (file manager): open an IOStream (`agent-link.md` 2).
public struct StreamTask: TaskBody {
    public var streamID: String

    public init(streamID: String) {
        self.streamID = streamID
    }

    private enum CodingKeys: String, CodingKey {
        case streamID = "StreamID"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(streamID: try values.decode(.streamID, or: ""))
    }
}

/// Task 9: open an IOStream to a TCP address that the agent reaches (`agent-link.md` 2).
public struct NATTask: TaskBody {
    public var streamID: String
    /// `host:port`.
    public var host: String

    public init(streamID: String, host: String) {
        self.streamID = streamID
        self.host = host
    }

    private enum CodingKeys: String, CodingKey {
        case streamID = "StreamID"
        case host = "Host"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(streamID: try values.decode(.streamID, or: ""), host: try values.decode(.host, or: ""))
    }
}

/// Task 10001, ours: stop the task with this id (`agent-link.md` 6). Id 0 names none.
public struct CancelTask: TaskBody {
    public var id: UInt64

    public init(id: UInt64) {
        self.id = id
    }

    private enum CodingKeys: String, CodingKey {
        case id
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(id: try values.decode(.id, or: 0))
    }
}
