import AgentLink

/// Why a relay ended without success; its text is for the client.
struct RelayFailure: Error, Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        /// The agent did not answer when its word was due.
        case noAnswer
        /// The agent refused, failed or broke the protocol.
        case agent
        /// The client left.
        case clientGone
    }

    var kind: Kind
    var text: String

    static func noAnswer(_ text: String) -> RelayFailure { RelayFailure(kind: .noAnswer, text: text) }

    static func agent(_ text: String) -> RelayFailure { RelayFailure(kind: .agent, text: text) }

    /// The agent's own words (NZTE), without what a terminal would obey.
    static func reported(_ text: String) -> RelayFailure {
        let shown = text.unicodeScalars.filter { scalar in
            scalar.value == 0x0A || scalar.value == 0x09 || scalar.properties.generalCategory != .control
        }
        return RelayFailure(kind: .agent, text: shown.isEmpty ? "agent reported an error" : String(shown))
    }

    static let clientGone = RelayFailure(kind: .clientGone, text: "client went away")
}

extension TransferFrameError {
    /// The rule that the message broke.
    var text: String {
        switch self {
        case .unknownMagic: "unexpected magic"
        case .wrongLength: "wrong length"
        case .tooLarge: "declared size exceeds MCP transfer cap"
        }
    }
}
