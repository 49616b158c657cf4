import FoundationEssentials

/// Puts a form together from the row that a statement stands on.
struct FormDecoder: Decoder {
    let statement: Statement
    /// Where each member's column is.
    let places: [String: Int32]
    /// The list that has a table of its own.
    let list: (key: String, ids: [Int64])?

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(FormReading(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw Self.unnamed }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw Self.unnamed }

    fileprivate static let unnamed = StorageError.failed("a form has named members")
}

private struct FormReading<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: FormDecoder

    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { decoder.places.keys.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { true }

    private func cell(_ key: Key) throws -> Cell {
        guard let place = decoder.places[key.stringValue] else {
            throw StorageError.failed("no column \(key.stringValue)")
        }
        return Cell(statement: decoder.statement, index: place, column: key.stringValue)
    }

    private func whole<Number: FixedWidthInteger>(_ key: Key) throws -> Number {
        let cell = try cell(key)
        guard let number = Number(exactly: try cell.integer()) else {
            throw RowError.unknownChoice(column: cell.column)
        }
        return number
    }

    func decodeNil(forKey key: Key) throws -> Bool {
        if let list = decoder.list, list.key == key.stringValue { return false }
        return try cell(key).isNull
    }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try cell(key).integer() != 0 }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try cell(key).text() }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try cell(key).real() }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { Float(try cell(key).real()) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try whole(key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try whole(key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try whole(key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try whole(key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try whole(key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try whole(key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try whole(key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try whole(key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try whole(key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try whole(key) }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        if let list = decoder.list, list.key == key.stringValue {
            guard let ids = list.ids as? Value else { throw StorageError.failed("a list of members holds ids") }
            return ids
        }
        let cell = try cell(key)
        if Value.self == Moment.self {
            let moment = cell.isNull ? Moment.never : Moment(Date(storedMilliseconds: try cell.integer()))
            if let moment = moment as? Value { return moment }
        }
        if Value.self == Date.self, let date = Date(storedMilliseconds: try cell.integer()) as? Value { return date }
        return try FormJSON.value(Value.self, try cell.text(), column: cell.column)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { throw FormDecoder.unnamed }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw FormDecoder.unnamed }
    func superDecoder() throws -> any Decoder { decoder }
    func superDecoder(forKey key: Key) throws -> any Decoder { decoder }
}
