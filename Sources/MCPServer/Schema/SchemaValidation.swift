import JSON

/// One run of a compiled schema over one instance.
///
/// Every `check…` function says whether to go on: after a broken rule, only ``Mode/all`` does. In ``Mode/silent``, going
/// on to the end is therefore what being valid means.
struct SchemaValidation {
    enum Mode {
        /// Finds out whether, not why; keeps no pointers.
        case silent
        case first
        case all
    }

    /// A hostile value could break a rule a million times.
    static let maximumViolations = 64

    private enum Step {
        case name(String)
        case position(Int)
    }

    let nodes: [SchemaNode]
    private(set) var mode: Mode
    private(set) var violations: [SchemaViolation] = []
    private var path: [Step] = []

    init(nodes: [SchemaNode], mode: Mode) {
        self.nodes = nodes
        self.mode = mode
    }

    mutating func check(_ index: SchemaIndex, _ value: JSONValue) -> Bool {
        let node = nodes[index]
        if let verdict = node.rules.verdict {
            return verdict || report("false", "is not allowed")
        }
        if let types = node.rules.types, !types.accepts(value) {
            return report("type", "must be \(node.rules.typeNames.joined(separator: " or "))")
        }
        if node.hasChoices, !checkChoices(node, value) { return false }
        guard checkContent(node, value) else { return false }
        return !node.hasApplicators || checkApplicators(node, value)
    }

    private mutating func checkChoices(_ node: SchemaNode, _ value: JSONValue) -> Bool {
        if let constant = node.rules.constant, constant != value {
            guard report("const", "must be \(constant.text)") else { return false }
        }
        if let enumeration = node.rules.enumeration, !enumeration.contains(value) {
            let allowed = enumeration.values.map(\.text).joined(separator: ", ")
            guard report("enum", "must be one of \(allowed)") else { return false }
        }
        return true
    }

    private mutating func checkContent(_ node: SchemaNode, _ value: JSONValue) -> Bool {
        switch value {
        case .null, .bool: return true
        case .number(let number):
            guard let rules = node.rules.number else { return true }
            return checkNumber(rules, number)
        case .string(let text):
            guard let rules = node.rules.string else { return true }
            return checkString(rules, text)
        case .array(let elements):
            guard let rules = node.rules.array else { return true }
            return checkArray(rules, elements)
        case .object(let object):
            guard let rules = node.rules.object else { return true }
            return checkObject(rules, object, value)
        }
    }

    private mutating func checkApplicators(_ node: SchemaNode, _ value: JSONValue) -> Bool {
        if let reference = node.rules.reference, !check(reference, value) { return false }
        for schema in node.rules.allOf where !check(schema, value) { return false }
        if !node.rules.anyOf.isEmpty, !checkAnyOf(node, value) { return false }
        if !node.rules.oneOf.isEmpty, !checkOneOf(node, value) { return false }
        if let not = node.rules.not, accepts(not, value), !report("not", "has a form that is not allowed") {
            return false
        }
        if let condition = node.rules.condition {
            let branch = accepts(condition, value) ? node.rules.consequence : node.rules.alternative
            if let branch, !check(branch, value) { return false }
        }
        return true
    }

    private mutating func checkAnyOf(_ node: SchemaNode, _ value: JSONValue) -> Bool {
        for schema in node.rules.anyOf where accepts(schema, value) { return true }
        return reportMismatch("anyOf", node.rules.anyOf, value)
    }

    private mutating func checkOneOf(_ node: SchemaNode, _ value: JSONValue) -> Bool {
        var matches = 0
        for schema in node.rules.oneOf where accepts(schema, value) { matches += 1 }
        switch matches {
        case 0: return reportMismatch("oneOf", node.rules.oneOf, value)
        case 1: return true
        default: return report("oneOf", "matches more than one of the allowed forms")
        }
    }

    /// Where only one of the alternatives is for values of this type, what that one has to say helps most.
    private mutating func reportMismatch(_ keyword: String, _ schemas: [SchemaIndex], _ value: JSONValue) -> Bool {
        guard mode != .silent else { return false }
        let candidates = schemas.filter { nodes[$0].rules.verdict == nil && takesType($0, of: value) }
        if candidates.count == 1 { return check(candidates[0], value) }
        return report(keyword, "must match one of the allowed forms")
    }

    private func takesType(_ index: SchemaIndex, of value: JSONValue) -> Bool {
        if let types = nodes[index].rules.types { return types.accepts(value) }
        guard let reference = nodes[index].rules.reference else { return true }
        return takesType(reference, of: value)
    }

    /// Whether a schema holds, without a word about why not.
    mutating func accepts(_ index: SchemaIndex, _ value: JSONValue) -> Bool {
        let outer = mode
        mode = .silent
        defer { mode = outer }
        return check(index, value)
    }
}

extension SchemaValidation {
    mutating func checkMember(_ index: SchemaIndex, _ name: String, _ value: JSONValue) -> Bool {
        guard mode != .silent else { return check(index, value) }
        path.append(.name(name))
        defer { path.removeLast() }
        return check(index, value)
    }

    mutating func checkElement(_ index: SchemaIndex, _ position: Int, _ value: JSONValue) -> Bool {
        guard mode != .silent else { return check(index, value) }
        path.append(.position(position))
        defer { path.removeLast() }
        return check(index, value)
    }

    /// Notes a broken rule; the answer is whether to go on.
    /// - Parameter name: the property that the rule is about, where that is not the instance itself.
    mutating func report(_ keyword: String, at name: String? = nil, _ message: @autoclosure () -> String) -> Bool {
        guard mode != .silent else { return false }
        violations.append(SchemaViolation(pointer: pointer(to: name), keyword: keyword, message: message()))
        return mode == .all && violations.count < Self.maximumViolations
    }

    private func pointer(to name: String?) -> String {
        var pointer = ""
        for step in path {
            switch step {
            case .name(let name): pointer = JSONPointer.appending(name, to: pointer)
            case .position(let position): pointer += "/\(position)"
            }
        }
        return name.map { JSONPointer.appending($0, to: pointer) } ?? pointer
    }
}
