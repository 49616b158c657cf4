extension KeyedDecodingContainer {
    /// The value under `key`, or `fallback` where the key is absent or `null`, as the agents in the field read JSON.
    func decode<Value: Decodable>(_ key: Key, or fallback: Value) throws -> Value {
        try decodeIfPresent(Value.self, forKey: key) ?? fallback
    }
}

extension KeyedEncodingContainer {
    /// Writes `value` unless it is the zero of its type: the wire leaves zero values out.
    mutating func encode<Value: Encodable & Equatable>(_ value: Value, _ key: Key, unless zero: Value) throws {
        guard value != zero else { return }
        try encode(value, forKey: key)
    }
}
