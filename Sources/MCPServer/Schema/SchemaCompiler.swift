import JSON

/// Turns a schema document into a list of nodes; the root is the first.
struct SchemaCompiler {
    private let document: JSONValue
    private var nodes: [SchemaNode?] = []
    /// Schemas by where they stand, so that a reference and the place itself share a node, and cycles close.
    private var indices: [String: SchemaIndex] = [:]

    private static let dialect = "https://json-schema.org/draft/2020-12/schema"
    private static let annotations: Set<String> = [
        "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
    ]

    init(document: JSONValue) {
        self.document = document
    }

    mutating func compile() throws(SchemaError) -> [SchemaNode] {
        _ = try compile(document, at: "")
        let finished = nodes.compactMap(\.self)
        try Self.refuseEndlessReferences(finished)
        return finished
    }

    mutating func compile(_ schema: JSONValue, at pointer: String) throws(SchemaError) -> SchemaIndex {
        if let known = indices[pointer] { return known }
        let index = nodes.count
        nodes.append(nil)
        indices[pointer] = index
        var rules = SchemaRules(pointer: pointer)
        switch schema {
        case .bool(let verdict): rules.verdict = verdict
        case .object(let keywords): try compile(keywords, into: &rules)
        default: throw .notASchema(pointer: pointer, found: schema.typeName)
        }
        nodes[index] = SchemaNode(rules)
        return index
    }

    private mutating func compile(_ keywords: JSONObject, into rules: inout SchemaRules) throws(SchemaError) {
        var draft = SchemaDraft()
        for (name, value) in keywords {
            let keyword = SchemaKeyword(name: name, value: value, pointer: rules.pointer)
            if try compileGeneral(keyword, into: &rules) { continue }
            if try compileNumber(keyword, into: &draft.number) { continue }
            if try compileString(keyword, into: &draft.string) { continue }
            if try compileArray(keyword, into: &draft.array) { continue }
            if try compileObject(keyword, into: &draft.object) { continue }
            if try isAnnotation(keyword) { continue }
            throw .unsupportedKeyword(pointer: rules.pointer, keyword: name)
        }
        rules.number = draft.number.map(SchemaBox.init)
        rules.string = draft.string.map(SchemaBox.init)
        rules.array = draft.array.map(SchemaBox.init)
        rules.object = draft.object.map(SchemaBox.init)
    }

    private func isAnnotation(_ keyword: SchemaKeyword) throws(SchemaError) -> Bool {
        switch keyword.name {
        case "$schema":
            let dialect = try keyword.string()
            guard dialect == Self.dialect || dialect == Self.dialect + "#" else { throw .unsupportedDialect(dialect) }
            return true
        case "$id":
            // At the root it names the document; further down it would change what references mean.
            return keyword.pointer.isEmpty
        default:
            return Self.annotations.contains(keyword.name) || keyword.name.hasPrefix("x-")
        }
    }

    private mutating func compileGeneral(
        _ keyword: SchemaKeyword, into rules: inout SchemaRules
    ) throws(SchemaError) -> Bool {
        switch keyword.name {
        case "type": (rules.types, rules.typeNames) = try keyword.types()
        case "const": rules.constant = keyword.value
        case "enum": rules.enumeration = SchemaEnumeration(try keyword.array())
        case "$ref": rules.reference = try compileReference(keyword)
        case "$defs": _ = try schemas(byName: keyword)
        case "allOf": rules.allOf = try schemas(inList: keyword)
        case "anyOf": rules.anyOf = try schemas(inList: keyword)
        case "oneOf": rules.oneOf = try schemas(inList: keyword)
        case "not": rules.not = try schema(keyword)
        case "if": rules.condition = try schema(keyword)
        case "then": rules.consequence = try schema(keyword)
        case "else": rules.alternative = try schema(keyword)
        default: return false
        }
        return true
    }

    private mutating func compileReference(_ keyword: SchemaKeyword) throws(SchemaError) -> SchemaIndex {
        let reference = try keyword.string()
        guard reference.utf8.first == UInt8(ascii: "#"),
            let names = JSONPointer.names(inFragment: reference.dropFirst())
        else { throw .unsupportedReference(pointer: keyword.pointer, reference: reference) }
        guard let target = JSONPointer.value(at: names, in: document) else {
            throw .unresolvedReference(pointer: keyword.pointer, reference: reference)
        }
        return try compile(target, at: names.reduce("") { JSONPointer.appending($1, to: $0) })
    }

    mutating func schema(_ keyword: SchemaKeyword) throws(SchemaError) -> SchemaIndex {
        try compile(keyword.value, at: keyword.place)
    }

    mutating func schemas(inList keyword: SchemaKeyword) throws(SchemaError) -> [SchemaIndex] {
        let list = try keyword.array()
        guard !list.isEmpty else { throw keyword.invalid(expected: "a list of schemas, not empty") }
        var indices: [SchemaIndex] = []
        for (position, schema) in list.enumerated() {
            indices.append(try compile(schema, at: keyword.place + "/\(position)"))
        }
        return indices
    }

    mutating func schemas(
        byName keyword: SchemaKeyword
    ) throws(SchemaError) -> [(name: String, schema: SchemaIndex)] {
        var entries: [(name: String, schema: SchemaIndex)] = []
        for (name, schema) in try keyword.object() {
            entries.append((name, try compile(schema, at: JSONPointer.appending(name, to: keyword.place))))
        }
        return entries
    }

    /// A chain of schemas that all look at one instance must end, or validation would not.
    private static func refuseEndlessReferences(_ nodes: [SchemaNode]) throws(SchemaError) {
        enum State { case unseen, open, done }
        var states = Array(repeating: State.unseen, count: nodes.count)
        for root in nodes.indices where states[root] == .unseen {
            var stack: [(node: SchemaIndex, next: [SchemaIndex])] = [(root, nodes[root].rules.inPlace)]
            states[root] = .open
            while let top = stack.last {
                guard let child = top.next.last else {
                    states[top.node] = .done
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next.removeLast()
                switch states[child] {
                case .done: break
                case .open: throw .endlessReference(pointer: nodes[child].rules.pointer)
                case .unseen:
                    states[child] = .open
                    stack.append((child, nodes[child].rules.inPlace))
                }
            }
        }
    }
}

/// The rules of one schema while its keywords are read; a type without keywords stays `nil` and costs nothing.
struct SchemaDraft {
    var number: SchemaNumberRules?
    var string: SchemaStringRules?
    var array: SchemaArrayRules?
    var object: SchemaObjectRules?
}
