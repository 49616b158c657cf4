import FoundationEssentials

/// The JSON body of a task or of its reply (`agent-link.md` 2): zero values are left out where the table says so,
/// missing keys and `null` read as zero, unknown keys are ignored.
package protocol TaskBody: Codable, Sendable, Hashable {}

/// Why the `data` of a task could not be read.
package enum TaskBodyError: Error, Sendable, Equatable {
    /// Not JSON, or a value of the wrong type; the text names the place and never quotes the body.
    case malformed(String)
}

extension TaskBody {
    /// The text that goes into `data`.
    package func jsonText() -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Only texts, whole numbers, booleans and lists of these: encoding them cannot fail.
        guard let data = try? encoder.encode(self) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }

    /// - Parameter json: the `data` received.
    /// - Throws: ``TaskBodyError``.
    package init(json: String) throws(TaskBodyError) {
        guard JSONNames.areShort(in: json) else { throw .malformed("a member name is too long") }
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(json.utf8))
        } catch let error as DecodingError {
            throw .malformed(Self.describe(error))
        } catch {
            throw .malformed("invalid JSON")
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "wrong type at \(path(context))"
        case .keyNotFound(let key, let context):
            "missing \(key.stringValue) at \(path(context))"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            "value out of range at \(path(context))"
        case .dataCorrupted:
            "invalid JSON"
        @unknown default:
            "invalid JSON"
        }
    }

    private static func path(_ context: DecodingError.Context) -> String {
        context.codingPath.isEmpty ? "top level" : context.codingPath.map(\.stringValue).joined(separator: ".")
    }
}
