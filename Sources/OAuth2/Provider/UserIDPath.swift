import JSON

/// Finds the person's id in what a provider says of them (`user_id_path`): names of members and positions in lists, with
/// dots between them; a dot that belongs to a name has a backslash before it.
struct UserIDPath: Sendable {
    /// Bytes of the longest id that counts as one.
    static let longestID = 512

    private let steps: [String]

    init(_ text: String) {
        var steps: [[UInt8]] = [[]]
        var isEscaped = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\") where !isEscaped: isEscaped = true
            case UInt8(ascii: ".") where !isEscaped: steps.append([])
            default:
                steps[steps.count - 1].append(byte)
                isEscaped = false
            }
        }
        self.steps = steps.map { String(decoding: $0, as: UTF8.self) }
    }

    /// - Returns: a text or number as it stands there; `nil` for what is missing, empty or anything else, since nobody is
    ///   meant by that.
    func id(in document: JSONValue) -> String? {
        var value = document
        for step in steps {
            switch value {
            case .object(let object):
                guard let next = object[step] else { return nil }
                value = next
            case .array(let items):
                guard let position = Int(step), items.indices.contains(position) else { return nil }
                value = items[position]
            default: return nil
            }
        }
        let id: String
        switch value {
        case .string(let text): id = text
        case .number(let number): id = number.text
        default: return nil
        }
        return id.isEmpty || id.utf8.count > Self.longestID ? nil : id
    }
}
