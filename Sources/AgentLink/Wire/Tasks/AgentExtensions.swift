/// Extensions of ours that both ends announced (`agent-link.md` 6); an unmodified agent or dashboard has none.
public struct AgentExtensions: OptionSet, Sendable, Hashable {
    /// The metadata key, on the agent's `RequestTask` call and in the answer's initial metadata.
    public static let metadataKey = "nezha-gateway-extensions"

    /// The agent stops a task when told to (task 10001).
    public static let cancel = AgentExtensions(rawValue: 1)
    /// All that this build knows.
    public static let known: AgentExtensions = [.cancel]

    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// - Parameter header: comma-separated names; unknown ones are ignored.
    public init(header: String) {
        self = []
        for name in header.split(separator: ",").prefix(16) {
            let trimmed = name.drop { $0 == " " }.prefix { $0 != " " }
            if trimmed == "cancel" { insert(.cancel) }
        }
    }

    /// The names, comma separated.
    public var header: String {
        contains(.cancel) ? "cancel" : ""
    }
}
