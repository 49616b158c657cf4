import JSON

/// The members of a resource as `schemas/shapes/<resource>.json` tells them, and what the tools make of them.
///
/// `required` names what lists always show; other members are left out there when they are empty, zero or false.
/// `readOnly` members are no arguments. `writeOnly` members never leave: a list leaves them out, or shows them empty
/// when they are required; and empty in an update they mean "unchanged". `"x-stored": false` marks arguments that are
/// not kept, or with `readOnly` what a list computes. `"x-audit": "keep"` lets the audit log keep an argument (``ToolRegistry``).
struct ResourceShape: Sendable {
    private let document: JSONObject
    private let members: JSONObject
    private let required: Set<String>
    /// The members that a caller may give. Whatever is not given, at any depth, is empty.
    let arguments: JSONObject
    private let listedMembers: JSONObject

    /// - Parameter source: part of the program; what is no object schema stops it.
    init(_ source: SchemaSource, of name: String) {
        guard let document = (try? source.document())?.objectValue, let members = document["properties"]?.objectValue
        else { preconditionFailure("the shape of \(name) is no schema of an object") }
        self.document = document
        self.members = members
        let required = Set((document["required"]?.arrayValue ?? []).compactMap(\.stringValue))
        self.required = required
        let given = members.filter { !$0.value.isMarked("readOnly") }
        arguments = JSONObject(uniqueMembers: given.map { ($0.key, $0.value.withoutRequirements) })
        let listed = members.filter { name, schema in
            schema.isMarked("readOnly")
                || schema.isStored && (!schema.isMarked("writeOnly") || required.contains(name))
        }
        listedMembers = JSONObject(uniqueMembers: listed.map { ($0.key, $0.value) })
    }

    /// What an update takes from the stored form: what callers cannot give, and secrets that they left empty.
    func kept(in form: JSONObject) -> [String] {
        members.filter { name, schema in
            schema.isStored
                && (schema.isMarked("readOnly") || schema.isMarked("writeOnly") && (form[name] ?? .null).isZero)
        }.map(\.key)
    }

    /// What one of them is, for the middle of a sentence.
    var summary: String {
        let text = document["description"]?.stringValue ?? "one row"
        return text.prefix(1).lowercased() + (text.hasSuffix(".") ? text.dropFirst().dropLast() : text.dropFirst())
    }

    // MARK: What lists show

    /// The members of a form as lists show them.
    func listed(_ form: JSONObject) -> JSONObject {
        var shown = JSONObject()
        for (name, schema) in listedMembers {
            guard let value = form[name] else { continue }
            if schema.isMarked("writeOnly") {
                shown[name] = ""
            } else if required.contains(name) || !value.isZero {
                shown[name] = value.withoutZeros(schema)
            }
        }
        return shown
    }

    // MARK: Schemas

    private static let id: JSONValue = [
        "type": "integer", "description": "Id of the row.", "minimum": 0, "x-audit": "keep",
    ]
    private static let ids: JSONValue = [
        "type": "array", "description": "Ids of rows.",
        "items": ["type": "integer", "description": "Id of a row.", "minimum": 0], "x-audit": "keep",
    ]
    private static func time(_ description: String) -> JSONValue {
        ["type": "string", "description": .string(description), "format": "date-time"]
    }

    private static func object(_ properties: JSONObject, required: [String] = []) -> SchemaSource {
        var schema: JSONObject = ["type": "object", "properties": .object(properties)]
        if !required.isEmpty { schema["required"] = .array(required.map { .string($0) }) }
        return SchemaSource(document: .object(schema))
    }

    func listInput(selectsByID: Bool) -> SchemaSource { Self.object(selectsByID ? ["ids": Self.ids] : [:]) }
    var createInput: SchemaSource { Self.object(arguments) }
    var updateInput: SchemaSource {
        var properties: JSONObject = ["id": Self.id]
        for (name, schema) in arguments { properties[name] = schema }
        return Self.object(properties, required: ["id"])
    }
    static let deleteInput = object(["ids": ids], required: ["ids"])
    static let idOutput = object(["id": id], required: ["id"])
    static let noOutput = object([:])

    /// - Parameters:
    ///   - wrapper: see ``ResourceDefinition/wrapper``.
    ///   - list: the member beside the wrapper.
    func listOutput(wrapper: String?, beside list: String?) -> SchemaSource {
        var item: JSONObject = [
            "id": Self.id, "created_at": Self.time("When it was made."),
            "updated_at": Self.time("When it was last changed."),
        ]
        var always = item.keys
        for (name, schema) in listedMembers {
            var shown = schema.objectValue ?? JSONObject()
            shown["writeOnly"] = nil
            item[name] = .object(shown)
            if required.contains(name) { always.append(name) }
        }
        var schema: JSONValue = Self.item(item, always, document["description"])
        if let wrapper, let list, let members = item[list] {
            item[list] = nil
            let inner = Self.item(item, always.filter { $0 != list }, document["description"])
            schema = Self.item([wrapper: inner, list: members], [wrapper, list], document["description"])
        }
        return SchemaSource(
            document: ["type": "array", "description": "What the caller may see.", "items": schema])
    }

    private static func item(_ properties: JSONObject, _ required: [String], _ description: JSONValue?) -> JSONValue {
        [
            "type": "object", "description": description ?? "One row.", "properties": .object(properties),
            "required": .array(required.map { .string($0) }),
        ]
    }
}

extension JSONValue {
    /// Whether the schema of a member says so of it.
    fileprivate func isMarked(_ keyword: String) -> Bool { self[keyword]?.boolValue == true }
    fileprivate var isStored: Bool { self["x-stored"]?.boolValue != false }

    /// Whether it says as much as being absent.
    fileprivate var isZero: Bool {
        switch self {
        case .null: true
        case .bool(let flag): !flag
        case .number(let number): number == .integer(0)
        case .string(let text): text.isEmpty
        case .array(let elements): elements.isEmpty
        case .object(let object): object.isEmpty
        }
    }

    /// The schema with nothing that must be there.
    fileprivate var withoutRequirements: JSONValue {
        // A member may have that name; the keyword is a list.
        without { name, value in name.utf8.elementsEqual("required".utf8) && value.arrayValue != nil }
    }

    /// Without members of nested objects that are zero and not required.
    fileprivate func withoutZeros(_ schema: JSONValue) -> JSONValue {
        switch self {
        case .array(let elements):
            guard let items = schema["items"] else { return self }
            return .array(elements.map { $0.withoutZeros(items) })
        case .object(let object):
            guard let properties = schema["properties"]?.objectValue else { return self }
            let required = (schema["required"]?.arrayValue ?? []).compactMap(\.stringValue)
            let kept = object.filter { required.contains($0.key) || !$0.value.isZero }
            return .object(
                JSONObject(uniqueMembers: kept.map { ($0.key, $0.value.withoutZeros(properties[$0.key] ?? true)) }))
        default: return self
        }
    }
}
