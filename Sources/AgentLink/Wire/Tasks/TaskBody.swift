import JSON

/// The JSON body of a task or of its reply (`agent-link.md` 2): zero values are left out where the table says so,
/// missing keys and `null` read as zero, unknown keys are ignored.
package protocol TaskBody: Codable, Sendable, Hashable {
    /// The most bytes of JSON that are read as such a body; more is malformed.
    static var maximumLength: Int { get }
}

/// What the other side's JSON may cost. Both ends hold the other to it: an agent is trusted no more than a gateway.
enum TaskBodyLimits {
    /// A body that names places and flags only; paths may be longer here than any system takes, so that the system says so.
    static let brief = 1 << 20
    /// A body that carries a file's content or a program's output; a message of the agent link has no more.
    static let ample = 20 << 20

    /// Names of this protocol have at most a tenth of 256 bytes; a variable of an environment may have a long one. A list
    /// of 5,000 entries has about 50,000 values; a program's arguments are limited by the system to about as many.
    static let json = JSONLimits(depth: 8, numberLength: 64, nameLength: 256, values: 1 << 18)
}

extension TaskBody {
    package static var maximumLength: Int { TaskBodyLimits.brief }
}

/// Why the `data` of a task could not be read.
package enum TaskBodyError: Error, Sendable, Equatable {
    /// Not JSON, or a value of the wrong type; the text names the place and never quotes the body.
    case malformed(String)

    /// What is wrong with the request; never quotes it.
    package var reason: String {
        switch self {
        case .malformed(let reason): reason
        }
    }
}

extension TaskBody {
    /// The text that goes into `data`; members in the order of their names.
    package func jsonText() -> String {
        // Only texts, whole numbers, booleans and lists of these: encoding them cannot fail.
        guard let value = try? JSONValueEncoder().encode(self) else { return "{}" }
        return value.sortedByName.text
    }

    /// - Parameter json: the `data` received.
    /// - Throws: ``TaskBodyError``.
    package init(json: String) throws(TaskBodyError) {
        guard json.utf8.count <= Self.maximumLength else { throw .malformed("too long") }
        do {
            self = try JSONValueDecoder().decode(Self.self, from: JSONParser.parse(json, limits: TaskBodyLimits.json))
        } catch let error as DecodingError {
            throw .malformed(Self.describe(error))
        } catch let error as JSONParseError {
            throw .malformed(Self.describe(error))
        } catch {
            throw .malformed("invalid JSON")
        }
    }

    /// The parser's own words may quote a name.
    private static func describe(_ error: JSONParseError) -> String {
        switch error {
        case .nameTooLong: "a member name is too long"
        case .tooDeep, .tooManyValues, .numberTooLong: "too large"
        case .duplicateKey: "a member name comes twice"
        default: "invalid JSON"
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
