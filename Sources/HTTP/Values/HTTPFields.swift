/// The fields of a message in their order. A name may stand several times.
///
/// A small array that is searched through: a request has a dozen fields, and comparing short texts costs less than
/// hashing them.
package struct HTTPFields: Sendable {
    private var fields: [HTTPField] = []

    package init() {}

    /// All values of a name as one: with ", " between them, those of `Cookie` with "; ". Setting replaces the first one
    /// in its place and drops the rest, or adds one at the end; `nil` drops all.
    package subscript(name: HTTPField.Name) -> String? {
        get {
            let fields = fields.span
            var joined: String?
            for position in fields.indices where fields[position].name == name {
                let value = fields[position].value
                joined = joined.map { $0 + (name == .cookie ? "; " : ", ") + value } ?? value
            }
            return joined
        }
        set {
            // Mostly there is none yet.
            if let newValue, !contains(name) { return fields.append(HTTPField(name: name, value: newValue)) }
            self[fields: name] = newValue.map { [HTTPField(name: name, value: $0)] } ?? []
        }
    }

    /// The values of a name one by one, in their order.
    package subscript(values name: HTTPField.Name) -> [String] {
        get { fields.compactMap { $0.name == name ? $0.value : nil } }
        set { self[fields: name] = newValue.map { HTTPField(name: name, value: $0) } }
    }

    package subscript(fields name: HTTPField.Name) -> [HTTPField] {
        get { fields.filter { $0.name == name } }
        set {
            var rest = newValue[...]
            fields = fields.compactMap { $0.name == name ? rest.popFirst() : $0 } + rest
        }
    }

    package func contains(_ name: HTTPField.Name) -> Bool {
        let fields = fields.span
        for position in fields.indices where fields[position].name == name { return true }
        return false
    }

    package mutating func append(_ field: HTTPField) { fields.append(field) }

    /// Whether a field carries what credentials are shown in, valid or not.
    var showCredential: Bool { contains(.authorization) || contains(.cookie) }

    /// Whether all values are ASCII alone.
    package var isASCII: Bool {
        let fields = fields.span
        for position in fields.indices where !fields[position].isASCII { return false }
        return true
    }
}

extension HTTPFields: RandomAccessCollection, MutableCollection, RangeReplaceableCollection {
    package var startIndex: Int { fields.startIndex }
    package var endIndex: Int { fields.endIndex }

    package subscript(position: Int) -> HTTPField {
        get { fields[position] }
        set { fields[position] = newValue }
    }

    package mutating func replaceSubrange(_ range: Range<Int>, with new: some Collection<HTTPField>) {
        fields.replaceSubrange(range, with: new)
    }

    package mutating func reserveCapacity(_ count: Int) { fields.reserveCapacity(count) }
}

extension HTTPFields: ExpressibleByDictionaryLiteral {
    /// A name that comes twice stands twice.
    package init(dictionaryLiteral elements: (HTTPField.Name, String)...) {
        fields = elements.map { HTTPField(name: $0, value: $1) }
    }
}

extension HTTPFields: Hashable {
    /// The order of the values of one name matters, that of different names does not (RFC 9110 5.3).
    package static func == (a: HTTPFields, b: HTTPFields) -> Bool {
        a.fields.count == b.fields.count && a.fields.allSatisfy { a[values: $0.name] == b[values: $0.name] }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(Set(fields.map { [$0.name.canonicalName] + self[values: $0.name] }))
    }
}

extension HTTPFields: CustomStringConvertible {
    package var description: String { fields.description }
}
