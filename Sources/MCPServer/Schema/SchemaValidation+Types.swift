import JSON

/// The rules for each type of instance.
extension SchemaValidation {
    mutating func checkNumber(_ box: SchemaBox<SchemaNumberRules>, _ number: JSONNumber) -> Bool {
        if let bound = box.value.minimum, number < bound, !report("minimum", "must be >= \(bound.text)") {
            return false
        }
        if let bound = box.value.maximum, bound < number, !report("maximum", "must be <= \(bound.text)") {
            return false
        }
        if let bound = box.value.exclusiveMinimum, !(bound < number),
            !report("exclusiveMinimum", "must be > \(bound.text)")
        {
            return false
        }
        if let bound = box.value.exclusiveMaximum, !(number < bound),
            !report("exclusiveMaximum", "must be < \(bound.text)")
        {
            return false
        }
        if let divisor = box.value.multipleOf, !number.isMultiple(of: divisor),
            !report("multipleOf", "must be a multiple of \(divisor.text)")
        {
            return false
        }
        return true
    }

    mutating func checkString(_ box: SchemaBox<SchemaStringRules>, _ text: String) -> Bool {
        if let bound = box.value.minimumLength, text.scalarCount(isBelow: bound),
            !report("minLength", "must be at least \(counted(bound, "character")) long")
        {
            return false
        }
        if let bound = box.value.maximumLength, !text.scalarCount(isBelow: bound + 1),
            !report("maxLength", "must be at most \(counted(bound, "character")) long")
        {
            return false
        }
        if let pattern = box.value.pattern, !pattern.matches(text),
            !report("pattern", "must match \(pattern.source)")
        {
            return false
        }
        if let format = box.value.format, !format.accepts(text),
            !report("format", "must be a valid \(format.rawValue)")
        {
            return false
        }
        return true
    }

    mutating func checkArray(_ box: SchemaBox<SchemaArrayRules>, _ elements: [JSONValue]) -> Bool {
        if let bound = box.value.minimumCount, elements.count < bound,
            !report("minItems", "must have at least \(counted(bound, "item"))")
        {
            return false
        }
        if let bound = box.value.maximumCount, elements.count > bound,
            !report("maxItems", "must have at most \(counted(bound, "item"))")
        {
            return false
        }
        if box.value.isUnique, !elements.isUnique, !report("uniqueItems", "must not have the same item twice") {
            return false
        }
        if let schema = box.value.contains, !checkContains(box, schema, elements) { return false }
        let prefix = box.value.prefix
        for (position, schema) in zip(elements.indices, prefix) {
            guard checkElement(schema, position, elements[position]) else { return false }
        }
        guard let items = box.value.items, elements.count > prefix.count else { return true }
        for position in prefix.count..<elements.count {
            guard checkElement(items, position, elements[position]) else { return false }
        }
        return true
    }

    private mutating func checkContains(
        _ box: SchemaBox<SchemaArrayRules>, _ schema: SchemaIndex, _ elements: [JSONValue]
    ) -> Bool {
        var matches = 0
        for element in elements where accepts(schema, element) { matches += 1 }
        let minimum = box.value.minimumContains
        if matches < minimum, !report("contains", "must have at least \(counted(minimum, "item")) of the demanded form")
        {
            return false
        }
        if let maximum = box.value.maximumContains, matches > maximum,
            !report("maxContains", "must have at most \(counted(maximum, "item")) of the demanded form")
        {
            return false
        }
        return true
    }

    mutating func checkObject(
        _ box: SchemaBox<SchemaObjectRules>, _ object: JSONObject, _ value: JSONValue
    ) -> Bool {
        if let bound = box.value.minimumCount, object.count < bound,
            !report("minProperties", "must have at least \(counted(bound, "member"))")
        {
            return false
        }
        if let bound = box.value.maximumCount, object.count > bound,
            !report("maxProperties", "must have at most \(counted(bound, "member"))")
        {
            return false
        }
        var next = 0
        let required = box.value.required
        for position in required.indices where !object.contains(required[position], startingAt: &next) {
            guard report("required", at: required[position], "required") else { return false }
        }
        for (property, names) in box.value.dependentRequired where object.contains(property) {
            for name in names where !object.contains(name) {
                guard report("dependentRequired", at: name, "required with \"\(property)\"") else { return false }
            }
        }
        if box.value.looksAtMembers {
            // Members mostly come in the schema's order: the next property is looked at first.
            next = 0
            let members = object.members.span
            let properties = box.value.properties
            for position in members.indices {
                let schema = properties.schema(of: members[position].key, startingAt: &next)
                guard checkMember(of: box, schema, members[position].key, members[position].value) else {
                    return false
                }
            }
        }
        for (property, schema) in box.value.dependentSchemas where object.contains(property) {
            guard check(schema, value) else { return false }
        }
        return true
    }

    private mutating func checkMember(
        of box: SchemaBox<SchemaObjectRules>, _ property: SchemaIndex?, _ name: String, _ value: JSONValue
    ) -> Bool {
        var isKnown = property != nil
        if let schema = property {
            guard checkMember(schema, name, value) else { return false }
        }
        for (pattern, schema) in box.value.patterns where pattern.matches(name) {
            isKnown = true
            guard checkMember(schema, name, value) else { return false }
        }
        if !isKnown, let schema = box.value.additional {
            if nodes[schema].rules.verdict == false {
                guard report("additionalProperties", at: name, "is not a known property") else { return false }
            } else {
                guard checkMember(schema, name, value) else { return false }
            }
        }
        if let names = box.value.names, !accepts(names, .string(name)) {
            guard report("propertyNames", at: name, "has a name that is not allowed") else { return false }
        }
        return true
    }
}

/// Such as `1 item`, `2 items`.
private func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

extension JSONNumber {
    fileprivate func isMultiple(of divisor: JSONNumber) -> Bool {
        // Int64.min % -1 would overflow, but divisors are positive.
        if case .integer(let value) = self, case .integer(let divisor) = divisor { return value % divisor == 0 }
        return decimal.isMultiple(of: divisor.decimal)
    }
}

extension String {
    /// Compares the number of Unicode scalars without counting them where the number of bytes settles it.
    fileprivate func scalarCount(isBelow bound: Int) -> Bool {
        let byteCount = utf8.count
        if byteCount < bound { return true }
        // A scalar has at most four bytes.
        if (byteCount + 3) / 4 >= bound { return false }
        return unicodeScalars.count < bound
    }
}

extension [JSONValue] {
    /// Whether no two elements are equal.
    fileprivate var isUnique: Bool {
        guard count > 8 else {
            for position in indices where self[..<position].contains(self[position]) { return false }
            return true
        }
        var seen: Set<JSONValue> = []
        seen.reserveCapacity(count)
        for element in self where !seen.insert(element).inserted { return false }
        return true
    }
}
