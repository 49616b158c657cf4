import Foundation

extension Proto_Task {
    /// What an agent surely accepts of one encoded task, 3.5 MiB: its receive limit is 4 MiB, and a message above
    /// that ends the whole task stream (`agent-link-details.md` 1).
    package static let sizeLimit = 3_670_016

    package init(id: UInt64, type: AgentTaskType, data: String) {
        self.init()
        self.id = id
        self.type = type.rawValue
        self.data = data
    }

    /// Bytes of the encoded message, without encoding it.
    package var encodedSize: Int {
        var size = 0
        if id != 0 { size += 1 + Self.varintSize(id) }
        if type != 0 { size += 1 + Self.varintSize(type) }
        let length = data.utf8.count
        if length != 0 { size += 1 + Self.varintSize(UInt64(length)) + length }
        return size
    }

    private static func varintSize(_ value: UInt64) -> Int {
        max(1, (UInt64.bitWidth - value.leadingZeroBitCount + 6) / 7)
    }
}

extension Proto_TaskResult {
    package init(id: UInt64, type: AgentTaskType, reply: AgentTaskReply) {
        self.init()
        self.id = id
        self.type = type.rawValue
        delay = reply.delay
        data = reply.data
        successful = reply.successful
    }
}

extension AgentTaskReply {
    package init(_ message: Proto_TaskResult) {
        self.init(data: message.data, successful: message.successful, delay: message.delay)
    }
}

extension Proto_IOStreamData {
    package init(_ frame: [UInt8]) {
        self.init()
        data = .init(frame)
    }

    /// Empty for a keep-alive.
    package var frame: [UInt8] { Array(data) }
}
