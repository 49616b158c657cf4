/// A message of `nezha.proto` that has a Swift value.
package protocol ProtobufMessage: Sendable {
    /// - Parameter bytes: one whole message. Unknown fields are skipped, and of a field that comes twice the last counts.
    /// - Throws: ``ProtobufError``.
    init(protobuf bytes: [UInt8]) throws(ProtobufError)

    /// The message as it goes over the wire; zero values are not written.
    func protobuf() -> [UInt8]
}

/// Why bytes are no message of the contract. None of these quotes what came.
package enum ProtobufError: Error, Sendable, Equatable {
    case malformed
    case invalidUTF8
    /// Reading it would take more memory than a message of its size is worth: it is full of tiny entries.
    case tooManyEntries

    /// What the peer is told.
    package var text: String {
        switch self {
        case .malformed: "the message cannot be read"
        case .invalidUTF8: "the message holds text that is not UTF-8"
        case .tooManyEntries: "the message has too many entries"
        }
    }
}
