package import JSON

/// A JSON Schema (draft 2020-12), compiled once and used from any thread.
///
/// Supported: `type`, `enum`, `const`; `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`;
/// `minLength`, `maxLength`, `pattern`, `format`; `items`, `prefixItems`, `contains`, `minContains`, `maxContains`,
/// `minItems`, `maxItems`, `uniqueItems`; `properties`, `patternProperties`, `additionalProperties`, `propertyNames`,
/// `required`, `minProperties`, `maxProperties`, `dependentRequired`, `dependentSchemas`; `allOf`, `anyOf`, `oneOf`,
/// `not`, `if`, `then`, `else`; `$defs` and `$ref` within the document; boolean schemas. `format` is asserted for the
/// cases of ``SchemaFormat`` and an annotation otherwise. Annotations (`title`, `examples`, `x-…`) are ignored; any
/// other keyword is refused, since passing over it would accept what it was meant to refuse.
package struct JSONSchema: Sendable {
    /// The schema as it was written.
    package let document: JSONValue
    let nodes: [SchemaNode]

    package init(_ document: JSONValue) throws(SchemaError) {
        self.document = document
        var compiler = SchemaCompiler(document: document)
        nodes = try compiler.compile()
    }

    /// Whether `value` obeys. Allocates nothing for ordinary values.
    package func isValid(_ value: JSONValue) -> Bool {
        var validation = SchemaValidation(nodes: nodes, mode: .silent)
        return validation.check(0, value)
    }

    /// The first rule that `value` breaks; `nil` when it obeys.
    package func firstViolation(in value: JSONValue) -> SchemaViolation? {
        // Nearly every value obeys, so the pass that keeps track of pointers is only for the others.
        guard !isValid(value) else { return nil }
        return violations(of: value, mode: .first).first
    }

    /// Every rule that `value` breaks, at most ``SchemaValidation/maximumViolations``.
    package func validate(_ value: JSONValue) -> [SchemaViolation] {
        guard !isValid(value) else { return [] }
        return violations(of: value, mode: .all)
    }

    private func violations(of value: JSONValue, mode: SchemaValidation.Mode) -> [SchemaViolation] {
        var validation = SchemaValidation(nodes: nodes, mode: mode)
        _ = validation.check(0, value)
        return validation.violations
    }
}
