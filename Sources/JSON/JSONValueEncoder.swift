/// Turns `Encodable` values into a JSON tree, members in the order they are encoded.
///
/// `nil` is left out by `encodeIfPresent` (what synthesised code uses for optionals) and `null` where it is encoded
/// explicitly. Floating-point numbers get the shortest text that reads back the same; NaN and infinities are refused.
package struct JSONValueEncoder: Sendable {
    package init() {}

    package func encode<T: Encodable>(_ value: T) throws -> JSONValue {
        // Not `try … ?? …`: code without optimisation (Swift 6.3.1) runs past the end when the right side throws.
        if let plain = JSONTreeEncoder.plain(value) { return plain }
        return try JSONTreeEncoder.value(of: value, path: .root)
    }
}

/// One node under construction. A class, as containers hand out parts that are filled in later.
final class JSONTreeEncoder: Encoder {
    fileprivate enum Content {
        case empty
        case value(JSONValue)
        case array([JSONValue])
        case object(JSONObject)
    }

    private let path: JSONCodingPath
    private var content = Content.empty
    /// Members and elements that were handed out as containers of their own; null stands in their place until the end.
    private var pendingMembers: [(key: String, node: JSONTreeEncoder)] = []
    private var pendingElements: [(position: Int, node: JSONTreeEncoder)] = []

    init(path: JSONCodingPath) {
        self.path = path
    }

    var codingPath: [any CodingKey] { path.keys }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// Values that are a tree already or become one without asking them; most members of most results are.
    static func plain<T: Encodable>(_ value: T) -> JSONValue? {
        // Comparing types is cheap; trying casts one after the other is not.
        if T.self == String.self { return (value as? String).map { .string($0) } }
        if T.self == [String].self { return (value as? [String]).map { .array($0.map { .string($0) }) } }
        if T.self == [Int64].self { return (value as? [Int64]).map { .array($0.map { .integer($0) }) } }
        if T.self == JSONValue.self { return value as? JSONValue }
        if T.self == JSONObject.self { return (value as? JSONObject).map { .object($0) } }
        return nil
    }

    static func value(of value: some Encodable, path: JSONCodingPath) throws -> JSONValue {
        let node = JSONTreeEncoder(path: path)
        try value.encode(to: node)
        return node.finish()
    }

    /// A value that encoded nothing is an empty object, as a struct without members would be.
    func finish() -> JSONValue {
        switch content {
        case .empty: return .object(JSONObject())
        case .value(let value): return value
        case .array(var elements):
            for (position, node) in pendingElements { elements[position] = node.finish() }
            return .array(elements)
        case .object(var object):
            for (key, node) in pendingMembers { object[key] = node.finish() }
            return .object(object)
        }
    }

    func set(_ value: JSONValue) {
        content = .value(value)
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if case .object = content {
        } else {
            var object = JSONObject()
            object.reserveCapacity(8)
            content = .object(object)
        }
        return KeyedEncodingContainer(JSONKeyedEncodingContainer(node: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .array = content {} else { content = .array([]) }
        return JSONUnkeyedEncodingContainer(node: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        JSONSingleValueEncodingContainer(node: self)
    }

    fileprivate func setMember(_ key: String, _ value: JSONValue) {
        guard case .object(var object) = content else { return }
        // Emptied first, so that the object is uniquely held and changes in place.
        content = .empty
        object[key] = value
        content = .object(object)
    }

    fileprivate func append(_ value: JSONValue) {
        guard case .array(var elements) = content else { return }
        content = .empty
        elements.append(value)
        content = .array(elements)
    }

    fileprivate var elementCount: Int {
        guard case .array(let elements) = content else { return 0 }
        return elements.count
    }

    fileprivate func child(_ key: any CodingKey) -> JSONTreeEncoder {
        let node = JSONTreeEncoder(path: .key(key, parent: path))
        setMember(key.stringValue, .null)
        pendingMembers.append((key.stringValue, node))
        return node
    }

    fileprivate func childElement() -> JSONTreeEncoder {
        let position = elementCount
        let node = JSONTreeEncoder(path: .position(position, parent: path))
        append(.null)
        pendingElements.append((position, node))
        return node
    }

    fileprivate func encodeMember(_ value: some Encodable, _ key: any CodingKey) throws {
        if let plain = Self.plain(value) { return setMember(key.stringValue, plain) }
        setMember(key.stringValue, try Self.value(of: value, path: .key(key, parent: path)))
    }

    fileprivate func encodeElement(_ value: some Encodable) throws {
        if let plain = Self.plain(value) { return append(plain) }
        append(try Self.value(of: value, path: .position(elementCount, parent: path)))
    }

    fileprivate func number(_ value: Double, _ key: (any CodingKey)? = nil) throws -> JSONValue {
        guard let number = JSONNumber(value) else { throw nonFinite(value, key) }
        return .number(number)
    }

    fileprivate func number(_ value: Float, _ key: (any CodingKey)? = nil) throws -> JSONValue {
        // The shortest text of a Float is shorter than that of the Double it widens to.
        guard value.isFinite, let number = JSONNumber(text: value.description) else { throw nonFinite(value, key) }
        return .number(number)
    }

    private func nonFinite(_ value: Any, _ key: (any CodingKey)?) -> EncodingError {
        let keys = codingPath + (key.map { [$0] } ?? [])
        return .invalidValue(value, .init(codingPath: keys, debugDescription: "JSON has no NaN and no infinity"))
    }
}

private struct JSONKeyedEncodingContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: JSONTreeEncoder

    var codingPath: [any CodingKey] { node.codingPath }

    private func set(_ value: JSONValue, _ key: Key) { node.setMember(key.stringValue, value) }

    func encodeNil(forKey key: Key) throws { set(.null, key) }
    func encode(_ value: Bool, forKey key: Key) throws { set(.bool(value), key) }
    func encode(_ value: String, forKey key: Key) throws { set(.string(value), key) }
    func encode(_ value: Double, forKey key: Key) throws { set(try node.number(value, key), key) }
    func encode(_ value: Float, forKey key: Key) throws { set(try node.number(value, key), key) }
    func encode(_ value: Int, forKey key: Key) throws { set(.number(JSONNumber(value)), key) }
    func encode(_ value: Int8, forKey key: Key) throws { set(.number(JSONNumber(value)), key) }
    func encode(_ value: Int16, forKey key: Key) throws { set(.number(JSONNumber(value)), key) }
    func encode(_ value: Int32, forKey key: Key) throws { set(.number(JSONNumber(value)), key) }
    func encode(_ value: Int64, forKey key: Key) throws { set(.integer(value), key) }
    func encode(_ value: UInt, forKey key: Key) throws { set(.number(JSONNumber(value)), key) }
    func encode(_ value: UInt8, forKey key: Key) throws { set(.number(JSONNumber(value)), key) }
    func encode(_ value: UInt16, forKey key: Key) throws { set(.number(JSONNumber(value)), key) }
    func encode(_ value: UInt32, forKey key: Key) throws { set(.number(JSONNumber(value)), key) }
    func encode(_ value: UInt64, forKey key: Key) throws { set(.number(JSONNumber(value)), key) }
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws { try node.encodeMember(value, key) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        node.child(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { node.child(key).unkeyedContainer() }
    func superEncoder() -> any Encoder { node.child(JSONMemberKey(stringValue: "super")) }
    func superEncoder(forKey key: Key) -> any Encoder { node.child(key) }
}

private struct JSONUnkeyedEncodingContainer: UnkeyedEncodingContainer {
    let node: JSONTreeEncoder

    var codingPath: [any CodingKey] { node.codingPath }
    var count: Int { node.elementCount }

    func encodeNil() throws { node.append(.null) }
    func encode(_ value: Bool) throws { node.append(.bool(value)) }
    func encode(_ value: String) throws { node.append(.string(value)) }
    func encode(_ value: Double) throws { node.append(try node.number(value)) }
    func encode(_ value: Float) throws { node.append(try node.number(value)) }
    func encode(_ value: Int) throws { node.append(.number(JSONNumber(value))) }
    func encode(_ value: Int8) throws { node.append(.number(JSONNumber(value))) }
    func encode(_ value: Int16) throws { node.append(.number(JSONNumber(value))) }
    func encode(_ value: Int32) throws { node.append(.number(JSONNumber(value))) }
    func encode(_ value: Int64) throws { node.append(.integer(value)) }
    func encode(_ value: UInt) throws { node.append(.number(JSONNumber(value))) }
    func encode(_ value: UInt8) throws { node.append(.number(JSONNumber(value))) }
    func encode(_ value: UInt16) throws { node.append(.number(JSONNumber(value))) }
    func encode(_ value: UInt32) throws { node.append(.number(JSONNumber(value))) }
    func encode(_ value: UInt64) throws { node.append(.number(JSONNumber(value))) }
    func encode<T: Encodable>(_ value: T) throws { try node.encodeElement(value) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        node.childElement().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { node.childElement().unkeyedContainer() }
    func superEncoder() -> any Encoder { node.childElement() }
}

private struct JSONSingleValueEncodingContainer: SingleValueEncodingContainer {
    let node: JSONTreeEncoder

    var codingPath: [any CodingKey] { node.codingPath }

    func encodeNil() throws { node.set(.null) }
    func encode(_ value: Bool) throws { node.set(.bool(value)) }
    func encode(_ value: String) throws { node.set(.string(value)) }
    func encode(_ value: Double) throws { node.set(try node.number(value)) }
    func encode(_ value: Float) throws { node.set(try node.number(value)) }
    func encode(_ value: Int) throws { node.set(.number(JSONNumber(value))) }
    func encode(_ value: Int8) throws { node.set(.number(JSONNumber(value))) }
    func encode(_ value: Int16) throws { node.set(.number(JSONNumber(value))) }
    func encode(_ value: Int32) throws { node.set(.number(JSONNumber(value))) }
    func encode(_ value: Int64) throws { node.set(.integer(value)) }
    func encode(_ value: UInt) throws { node.set(.number(JSONNumber(value))) }
    func encode(_ value: UInt8) throws { node.set(.number(JSONNumber(value))) }
    func encode(_ value: UInt16) throws { node.set(.number(JSONNumber(value))) }
    func encode(_ value: UInt32) throws { node.set(.number(JSONNumber(value))) }
    func encode(_ value: UInt64) throws { node.set(.number(JSONNumber(value))) }
    // The value takes this node's place: what it writes, containers included, is what the node holds.
    func encode<T: Encodable>(_ value: T) throws { try value.encode(to: node) }
}
