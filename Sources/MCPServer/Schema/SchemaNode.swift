import JSON

/// One compiled schema. Schemas refer to each other by position in the program, so that they may refer to themselves.
final class SchemaNode: Sendable {
    let rules: SchemaRules
    /// Whether the schema lists values. Looked at once, as most schemas say no more than a type and some members.
    let hasChoices: Bool
    /// Whether the schema has others judge the same instance.
    let hasApplicators: Bool

    init(_ rules: SchemaRules) {
        self.rules = rules
        hasChoices = rules.constant != nil || rules.enumeration != nil
        hasApplicators =
            rules.reference != nil || rules.not != nil || rules.condition != nil || !rules.allOf.isEmpty
            || !rules.anyOf.isEmpty || !rules.oneOf.isEmpty
    }
}

/// The position of a schema in its program.
typealias SchemaIndex = Int

struct SchemaRules: Sendable {
    /// Where the schema stands in its document.
    var pointer: String
    /// A boolean schema.
    var verdict: Bool?
    var types: SchemaTypes?
    /// As the schema lists them.
    var typeNames: [String] = []
    var constant: JSONValue?
    var enumeration: SchemaEnumeration?
    var number: SchemaBox<SchemaNumberRules>?
    var string: SchemaBox<SchemaStringRules>?
    var array: SchemaBox<SchemaArrayRules>?
    var object: SchemaBox<SchemaObjectRules>?
    var reference: SchemaIndex?
    var allOf: [SchemaIndex] = []
    var anyOf: [SchemaIndex] = []
    var oneOf: [SchemaIndex] = []
    var not: SchemaIndex?
    var condition: SchemaIndex?
    var consequence: SchemaIndex?
    var alternative: SchemaIndex?

    /// The schemas that apply to the same instance as this one.
    var inPlace: [SchemaIndex] {
        allOf + anyOf + oneOf + [reference, not, condition, consequence, alternative].compactMap(\.self)
            + (object?.value.dependentSchemas.map(\.schema) ?? [])
    }
}

/// Rules of one type of instance, shared so that reading them copies one reference.
final class SchemaBox<Value: Sendable>: Sendable {
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}

struct SchemaNumberRules: Sendable {
    var minimum: JSONNumber?
    var maximum: JSONNumber?
    var exclusiveMinimum: JSONNumber?
    var exclusiveMaximum: JSONNumber?
    var multipleOf: JSONNumber?
}

struct SchemaStringRules: Sendable {
    /// In Unicode scalars, as all lengths.
    var minimumLength: Int?
    var maximumLength: Int?
    var pattern: Pattern?
    var format: SchemaFormat?
}

struct SchemaArrayRules: Sendable {
    var minimumCount: Int?
    var maximumCount: Int?
    var isUnique = false
    var prefix: [SchemaIndex] = []
    var items: SchemaIndex?
    var contains: SchemaIndex?
    var minimumContains = 1
    var maximumContains: Int?
}

struct SchemaObjectRules: Sendable {
    var minimumCount: Int?
    var maximumCount: Int?
    var required: [String] = []
    var properties = SchemaProperties()
    var patterns: [(pattern: Pattern, schema: SchemaIndex)] = []
    var additional: SchemaIndex?
    var names: SchemaIndex?
    var dependentRequired: [(property: String, required: [String])] = []
    var dependentSchemas: [(property: String, schema: SchemaIndex)] = []

    var looksAtMembers: Bool { !properties.isEmpty || !patterns.isEmpty || additional != nil || names != nil }
}

/// `properties`: which schema a name has.
struct SchemaProperties: Sendable {
    private struct Entry {
        let name: String
        let schema: SchemaIndex
    }

    private var list: [Entry] = []
    private var index: [ExactText: SchemaIndex] = [:]

    private static let linearSearchLimit = 8

    var isEmpty: Bool { list.isEmpty }

    mutating func append(_ name: String, _ schema: SchemaIndex) {
        list.append(Entry(name: name, schema: schema))
        index[ExactText(name)] = schema
    }

    /// As the subscript. Looks from `next` on first, as long as that is cheaper than a search, and leaves there what
    /// follows the property it found.
    func schema(of name: String, startingAt next: inout Int) -> SchemaIndex? {
        let entries = list.span
        for position in next..<min(next + 3, entries.count) where ExactText.areEqual(entries[position].name, name) {
            next = position + 1
            return entries[position].schema
        }
        return self[name]
    }

    private subscript(name: String) -> SchemaIndex? {
        guard list.count <= Self.linearSearchLimit else { return index[ExactText(name)] }
        for entry in list where ExactText.areEqual(entry.name, name) { return entry.schema }
        return nil
    }
}

/// `enum`.
struct SchemaEnumeration: Sendable {
    let values: [JSONValue]
    private let set: Set<JSONValue>

    private static let linearSearchLimit = 8

    init(_ values: [JSONValue]) {
        self.values = values
        set = values.count > Self.linearSearchLimit ? Set(values) : []
    }

    func contains(_ value: JSONValue) -> Bool {
        values.count > Self.linearSearchLimit ? set.contains(value) : values.contains(value)
    }
}
