/// Values by id. In JSON an object, whose keys are text.
package struct IDMap<Value: Encodable & Sendable>: Encodable, Sendable {
    package var values: [Int64: Value]

    package init(_ values: [Int64: Value] = [:]) { self.values = values }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: IDKey.self)
        for key in values.keys.map(IDKey.init).sorted() { try container.encode(values[key.id], forKey: key) }
    }
}

extension IDMap: Equatable where Value: Equatable {}
extension IDMap: Hashable where Value: Hashable {}

extension IDMap: Decodable where Value: Decodable {
    package init(from decoder: any Decoder) throws {
        let texts = try decoder.singleValueContainer().decode([String: Value].self)
        values = [:]
        for (key, value) in texts {
            guard let id = Int64(key), id >= 0 else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "a key that is no id"))
            }
            values[id] = value
        }
    }
}

/// An id as the name of a member. In the order of their bytes, so that the same values are always the same text.
struct IDKey: CodingKey, Comparable {
    let id: Int64

    init(_ id: Int64) { self.id = id }

    init?(stringValue: String) {
        guard let id = Int64(stringValue) else { return nil }
        self.id = id
    }

    init?(intValue: Int) { id = Int64(intValue) }

    var stringValue: String { String(id) }
    var intValue: Int? { nil }

    static func < (left: IDKey, right: IDKey) -> Bool {
        left.stringValue.utf8.lexicographicallyPrecedes(right.stringValue.utf8)
    }
}

extension IDMap where Value == Bool {
    /// The ids that are set.
    package var marked: Set<Int64> { Set(values.filter { $0.value }.keys) }
}
