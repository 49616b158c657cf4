extension JSONValue {
    /// The value with the members of its objects, at every depth, in the order of their names' bytes: the same value is
    /// then the same text.
    package var sortedByName: JSONValue {
        switch self {
        case .array(let elements):
            return .array(elements.map(\.sortedByName))
        case .object(let object):
            let members = object.members.map { (key: $0.key, value: $0.value.sortedByName) }
            return .object(
                JSONObject(uniqueMembers: members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }))
        case .null, .bool, .number, .string:
            return self
        }
    }
}
