import JSON
import Synchronization

/// The records of one tool that were made, checked and written before, for as long as their versions last.
final class RecordPieces: Sendable {
    private struct Piece {
        let version: RecordList.Version
        let bytes: [UInt8]
    }

    private struct Known {
        var pieces: [Int64: Piece] = [:]
        var size = 0
    }

    /// What an element must satisfy.
    private let schema: JSONSchema
    /// Bytes that are kept at most; beyond it the table starts anew.
    private let capacity: Int
    private let known = Mutex(Known())

    /// - Parameter schema: of the list; says nothing of it but what each element must satisfy.
    init(_ schema: JSONValue, capacity: Int = 64 << 20) throws {
        var rest = schema.objectValue ?? JSONObject()
        for name in ["title", "description", "items"] { rest[name] = nil }
        guard rest == ["type": "array"], let items = schema["items"] else { throw UnfitSchema() }
        self.schema = try JSONSchema(items)
        self.capacity = capacity
    }

    struct UnfitSchema: Error, CustomStringConvertible {
        var description: String { "a list of records has the keywords type and items alone" }
    }

    /// The JSON of each entry of the list.
    /// - Throws: ``ToolFailure`` for a record that does not pass the schema, of which nothing is kept; whatever making
    ///   them throws.
    func written(_ list: RecordList) async throws -> [[UInt8]] {
        let (found, missing) = known.withLock { known in
            var found: [[UInt8]] = []
            found.reserveCapacity(list.entries.count)
            var missing: [Int] = []
            for (place, entry) in list.entries.enumerated() {
                if let version = entry.version, let piece = known.pieces[entry.id], piece.version == version {
                    found.append(piece.bytes)
                } else {
                    found.append([])
                    missing.append(place)
                }
            }
            return (found, missing)
        }
        guard !missing.isEmpty else { return found }
        return try await completed(found, missing, of: list)
    }

    private func completed(_ found: [[UInt8]], _ missing: [Int], of list: RecordList) async throws -> [[UInt8]] {
        let records = try await list.make(missing)
        guard records.count == missing.count else { throw ToolFailure.internalError("not all records were made") }
        var whole = found
        for (place, record) in zip(missing, records) {
            if let violation = schema.firstViolation(in: record) {
                throw ToolFailure.internalError("record \(list.entries[place].id) breaks its schema: \(violation)")
            }
            whole[place] = record.serialized()
        }
        known.withLock { known in
            for place in missing {
                let entry = list.entries[place]
                guard let version = entry.version else { continue }
                known.size += whole[place].count - (known.pieces[entry.id]?.bytes.count ?? 0)
                known.pieces[entry.id] = Piece(version: version, bytes: whole[place])
            }
            if known.size > capacity { known = Known() }
        }
        return whole
    }
}
