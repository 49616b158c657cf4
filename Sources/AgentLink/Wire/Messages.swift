import Primitives

/// One task on its way to an agent, message `Task`; what `data` holds depends on the type (`agent-link.md` 2).
package struct AgentTask: Sendable, Hashable {
    /// What an agent surely accepts of one encoded task, 3.5 MiB: its receive limit is 4 MiB, and a message above
    /// that ends the whole task stream (`agent-link-details.md` 1).
    package static let sizeLimit = 3_670_016

    package var id: UInt64
    /// A number of ``AgentTaskType``, or one that this build does not know.
    package var type: UInt64
    package var data: String

    package init(id: UInt64, type: UInt64, data: String) {
        self.id = id
        self.type = type
        self.data = data
    }

    package init(id: UInt64, type: AgentTaskType, data: String) {
        self.init(id: id, type: type.rawValue, data: data)
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

/// The outcome of one task, message `TaskResult`.
package struct AgentTaskResult: Sendable, Hashable {
    /// Of the task.
    package var id: UInt64
    /// Of the task: a number of ``AgentTaskType``, or one that this build does not know.
    package var type: UInt64
    package var reply: AgentTaskReply

    package init(id: UInt64, type: UInt64, reply: AgentTaskReply) {
        self.id = id
        self.type = type
        self.reply = reply
    }
}

/// The answer to a state, message `Receipt`.
package struct Receipt: Sendable, Hashable {
    package var isProcessed: Bool

    package init(isProcessed: Bool) {
        self.isProcessed = isProcessed
    }
}

/// The answer to a host report, message `Uint64Receipt`.
package struct StartReceipt: Sendable, Hashable {
    /// When the gateway started, Unix seconds.
    package var startedAt: UInt64

    package init(startedAt: UInt64) {
        self.startedAt = startedAt
    }
}

/// An agent's report of its addresses and the answer to it, message `GeoIP`. Its texts are as received.
package struct GeoIPMessage: Sendable, Hashable {
    package struct Addresses: Sendable, Hashable {
        package var ipv4: String
        package var ipv6: String

        package init(ipv4: String = "", ipv6: String = "") {
            self.ipv4 = ipv4
            self.ipv6 = ipv6
        }
    }

    /// Look the country up by the IPv6 address.
    package var use6 = false
    /// Of the machine; the answer has none.
    package var addresses: Addresses?
    package var countryCode = ""
    /// When the gateway started, Unix seconds; in the answer.
    package var startedAt: UInt64 = 0

    package init() {}

    /// An agent's report.
    package init(_ geoIP: GeoIPInfo, use6: Bool) {
        self.use6 = use6
        addresses = Addresses(ipv4: geoIP.ipv4, ipv6: geoIP.ipv6)
    }

    /// The gateway's answer.
    package init(countryCode: String, startedAt: UInt64) {
        self.countryCode = countryCode
        self.startedAt = startedAt
    }
}

extension GeoIPInfo {
    /// The addresses of a report; whatever is not an address of the field's family is dropped.
    package init(_ message: GeoIPMessage) {
        let ipv4 = message.addresses.flatMap { IPAddress($0.ipv4) }
        let ipv6 = message.addresses.flatMap { IPAddress($0.ipv6) }
        self.init(
            ipv4: ipv4?.family == .ipv4 ? ipv4?.text ?? "" : "",
            ipv6: ipv6?.family == .ipv6 ? ipv6?.text ?? "" : "",
            countryCode: ReportLimits.text(message.countryCode))
    }
}
