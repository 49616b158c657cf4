import FoundationEssentials

/// One member of a form as it stands in its column.
struct FormMember {
    enum Kind: String {
        case integer = "INTEGER"
        case real = "REAL"
        case text = "TEXT"
    }

    var name: String
    var kind: Kind
    var isOptional: Bool
    var value: SQLValue
}

/// Takes a form apart into its members, in the order in which it encodes them.
final class FormEncoder: Encoder {
    private(set) var members: [FormMember] = []
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    static func members(of form: some Form) throws -> [FormMember] {
        let encoder = FormEncoder()
        try form.encode(to: encoder)
        return encoder.members
    }

    fileprivate func add(_ key: some CodingKey, _ kind: FormMember.Kind, _ value: SQLValue?, isOptional: Bool) {
        members.append(
            FormMember(name: key.stringValue, kind: kind, isOptional: isOptional, value: value ?? .null))
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(FormContainer(encoder: self))
    }

    // No file and no peer has a say in these: which containers a form asks for is written in its `encode(to:)`, and each form
    // is encoded once at start, when its table is made.
    func unkeyedContainer() -> any UnkeyedEncodingContainer { preconditionFailure("a form has named members") }
    func singleValueContainer() -> any SingleValueEncodingContainer {
        preconditionFailure("a form has named members")
    }
}

private struct FormContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: FormEncoder
    var codingPath: [any CodingKey] { [] }

    private func whole<Number: BinaryInteger>(_ value: Number?, _ key: Key, isOptional: Bool) throws {
        guard let value else { return encoder.add(key, .integer, nil, isOptional: isOptional) }
        guard let number = Int64(exactly: value) else { throw StorageError.failed("a number beyond 63 bits") }
        encoder.add(key, .integer, .integer(number), isOptional: isOptional)
    }

    private func other<Value: Encodable>(_ value: Value?, _ key: Key, isOptional: Bool) throws {
        if Value.self == Date.self {
            let date = (value as? Date).map { SQLValue.date($0) }
            return encoder.add(key, .integer, date, isOptional: isOptional)
        }
        if Value.self == Moment.self {
            let date = (value as? Moment)?.date.map { SQLValue.date($0) }
            return encoder.add(key, .integer, date, isOptional: true)
        }
        let text = try value.map { SQLValue.text(try FormJSON.text($0)) }
        encoder.add(key, .text, text, isOptional: isOptional)
    }

    func encodeNil(forKey key: Key) throws { encoder.add(key, .text, nil, isOptional: true) }
    func encode(_ value: Bool, forKey key: Key) throws {
        encoder.add(key, .integer, .integer(value ? 1 : 0 as Int64), isOptional: false)
    }
    func encode(_ value: String, forKey key: Key) throws { encoder.add(key, .text, .text(value), isOptional: false) }
    func encode(_ value: Double, forKey key: Key) throws { encoder.add(key, .real, .real(value), isOptional: false) }
    func encode(_ value: Float, forKey key: Key) throws {
        encoder.add(key, .real, .real(Double(value)), isOptional: false)
    }
    func encode(_ value: Int, forKey key: Key) throws { try whole(value, key, isOptional: false) }
    func encode(_ value: Int8, forKey key: Key) throws { try whole(value, key, isOptional: false) }
    func encode(_ value: Int16, forKey key: Key) throws { try whole(value, key, isOptional: false) }
    func encode(_ value: Int32, forKey key: Key) throws { try whole(value, key, isOptional: false) }
    func encode(_ value: Int64, forKey key: Key) throws { try whole(value, key, isOptional: false) }
    func encode(_ value: UInt, forKey key: Key) throws { try whole(value, key, isOptional: false) }
    func encode(_ value: UInt8, forKey key: Key) throws { try whole(value, key, isOptional: false) }
    func encode(_ value: UInt16, forKey key: Key) throws { try whole(value, key, isOptional: false) }
    func encode(_ value: UInt32, forKey key: Key) throws { try whole(value, key, isOptional: false) }
    func encode(_ value: UInt64, forKey key: Key) throws { try whole(value, key, isOptional: false) }
    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws { try other(value, key, isOptional: false) }

    // An absent optional is a column as well.
    func encodeIfPresent(_ value: Bool?, forKey key: Key) throws {
        try whole(value.map { $0 ? 1 : 0 as Int64 }, key, isOptional: true)
    }
    func encodeIfPresent(_ value: String?, forKey key: Key) throws {
        encoder.add(key, .text, value.map { .text($0) }, isOptional: true)
    }
    func encodeIfPresent(_ value: Double?, forKey key: Key) throws {
        encoder.add(key, .real, value.map { .real($0) }, isOptional: true)
    }
    func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try whole(value, key, isOptional: true) }
    func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try whole(value, key, isOptional: true) }
    func encodeIfPresent<Value: Encodable>(_ value: Value?, forKey key: Key) throws {
        try other(value, key, isOptional: true)
    }

    // The same goes for these.
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { preconditionFailure("a member of a form encodes itself") }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        preconditionFailure("a member of a form encodes itself")
    }
    func superEncoder() -> any Encoder { encoder }
    func superEncoder(forKey key: Key) -> any Encoder { encoder }
}

/// Values that have no column of their own kind, as JSON text with sorted keys: the same value is the same text.
enum FormJSON {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func value<Value: Decodable>(_: Value.Type, _ text: String, column: String) throws -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
        } catch {
            throw RowError.unreadableJSON(column: column)
        }
    }
}
