/// Extensions of ours that both ends announced (`agent-link.md` 6); an unmodified agent or dashboard has none.
package struct AgentExtensions: OptionSet, Sendable, Hashable {
    /// The metadata key, on the agent's `RequestTask` call and in the answer's initial metadata.
    package static let metadataKey = "nezha-gateway-extensions"

    /// The agent stops a task when told to (task 10001).
    package static let cancel = AgentExtensions(rawValue: 1)
    /// All that this build knows.
    package static let known: AgentExtensions = [.cancel]

    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// - Parameter header: comma-separated names; unknown ones are ignored.
    package init(header: String) {
        self = []
        for name in header.utf8.split(separator: UInt8(ascii: ",")).prefix(16) {
            let trimmed = name.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != UInt8(ascii: " ") }
            if trimmed.elementsEqual("cancel".utf8) { insert(.cancel) }
        }
    }

    /// The names, comma separated.
    package var header: String {
        contains(.cancel) ? "cancel" : ""
    }
}
