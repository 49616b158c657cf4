import JSON

/// The keywords for each type of instance. Each function says whether the keyword was one of its own.
extension SchemaCompiler {
    func compileNumber(
        _ keyword: SchemaKeyword, into draft: inout SchemaNumberRules?
    ) throws(SchemaError) -> Bool {
        var rules = draft ?? SchemaNumberRules()
        switch keyword.name {
        case "minimum": rules.minimum = try keyword.number()
        case "maximum": rules.maximum = try keyword.number()
        case "exclusiveMinimum": rules.exclusiveMinimum = try keyword.number()
        case "exclusiveMaximum": rules.exclusiveMaximum = try keyword.number()
        case "multipleOf":
            let divisor = try keyword.number()
            guard divisor > .integer(0), divisor.decimal.hasShortSignificand else {
                throw keyword.invalid(expected: "a number above zero of at most 19 significant digits")
            }
            rules.multipleOf = divisor
        default: return false
        }
        draft = rules
        return true
    }

    func compileString(
        _ keyword: SchemaKeyword, into draft: inout SchemaStringRules?
    ) throws(SchemaError) -> Bool {
        var rules = draft ?? SchemaStringRules()
        switch keyword.name {
        case "minLength": rules.minimumLength = try keyword.count()
        case "maxLength": rules.maximumLength = try keyword.count()
        case "pattern": rules.pattern = try keyword.pattern(keyword.string())
        case "format": rules.format = SchemaFormat(rawValue: try keyword.string())
        default: return false
        }
        draft = rules
        return true
    }

    mutating func compileArray(
        _ keyword: SchemaKeyword, into draft: inout SchemaArrayRules?
    ) throws(SchemaError) -> Bool {
        var rules = draft ?? SchemaArrayRules()
        switch keyword.name {
        case "minItems": rules.minimumCount = try keyword.count()
        case "maxItems": rules.maximumCount = try keyword.count()
        case "uniqueItems": rules.isUnique = try keyword.flag()
        case "prefixItems": rules.prefix = try schemas(inList: keyword)
        case "items": rules.items = try schema(keyword)
        case "contains": rules.contains = try schema(keyword)
        case "minContains": rules.minimumContains = try keyword.count()
        case "maxContains": rules.maximumContains = try keyword.count()
        default: return false
        }
        draft = rules
        return true
    }

    mutating func compileObject(
        _ keyword: SchemaKeyword, into draft: inout SchemaObjectRules?
    ) throws(SchemaError) -> Bool {
        var rules = draft ?? SchemaObjectRules()
        switch keyword.name {
        case "minProperties": rules.minimumCount = try keyword.count()
        case "maxProperties": rules.maximumCount = try keyword.count()
        case "required": rules.required = try keyword.names(keyword.value)
        case "properties":
            for (name, schema) in try schemas(byName: keyword) { rules.properties.append(name, schema) }
        case "patternProperties":
            for (source, schema) in try schemas(byName: keyword) {
                rules.patterns.append((try keyword.pattern(source), schema))
            }
        case "additionalProperties": rules.additional = try schema(keyword)
        case "propertyNames": rules.names = try schema(keyword)
        case "dependentRequired":
            for (property, names) in try keyword.object() {
                rules.dependentRequired.append((property, try keyword.names(names)))
            }
        case "dependentSchemas":
            rules.dependentSchemas = try schemas(byName: keyword).map { ($0.name, $0.schema) }
        default: return false
        }
        draft = rules
        return true
    }
}

/// A keyword and its value, with the readings that keywords have.
struct SchemaKeyword {
    let name: String
    let value: JSONValue
    /// Where the schema stands that has the keyword.
    let pointer: String

    /// Where the keyword's value stands.
    var place: String { JSONPointer.appending(name, to: pointer) }

    func invalid(expected: String) -> SchemaError {
        .invalidKeyword(pointer: pointer, keyword: name, expected: expected)
    }

    func string() throws(SchemaError) -> String {
        guard case .string(let text) = value else { throw invalid(expected: "a string") }
        return text
    }

    func flag() throws(SchemaError) -> Bool {
        guard case .bool(let flag) = value else { throw invalid(expected: "a boolean") }
        return flag
    }

    func number() throws(SchemaError) -> JSONNumber {
        guard case .number(let number) = value else { throw invalid(expected: "a number") }
        return number
    }

    func count() throws(SchemaError) -> Int {
        guard let count = value.int64Value.flatMap(Int.init(exactly:)), count >= 0 else {
            throw invalid(expected: "a whole number, not negative")
        }
        // No instance comes near; one less leaves room to reckon with "more than".
        return min(count, .max - 1)
    }

    func array() throws(SchemaError) -> [JSONValue] {
        guard case .array(let elements) = value else { throw invalid(expected: "an array") }
        return elements
    }

    func object() throws(SchemaError) -> JSONObject {
        guard case .object(let object) = value else { throw invalid(expected: "an object") }
        return object
    }

    func names(_ value: JSONValue) throws(SchemaError) -> [String] {
        guard case .array(let elements) = value, Set(elements).count == elements.count else {
            throw invalid(expected: "a list of property names, each once")
        }
        var names: [String] = []
        for element in elements {
            guard case .string(let name) = element else { throw invalid(expected: "a list of property names") }
            names.append(name)
        }
        return names
    }

    func types() throws(SchemaError) -> (types: SchemaTypes, names: [String]) {
        let names = value.stringValue.map { [$0] } ?? value.arrayValue?.compactMap(\.stringValue) ?? []
        var types: SchemaTypes = []
        for name in names {
            guard let type = SchemaTypes(name: name), !types.contains(type) else {
                throw invalid(expected: "the name of a type or a list of them, each once")
            }
            types.insert(type)
        }
        guard !names.isEmpty, names.count == value.arrayValue?.count ?? 1 else {
            throw invalid(expected: "the name of a type or a list of them, each once")
        }
        return (types, names)
    }

    func pattern(_ source: String) throws(SchemaError) -> Pattern {
        do {
            return try Pattern(source)
        } catch {
            throw .unsupportedPattern(pointer: pointer, keyword: name, pattern: source, reason: error)
        }
    }
}
