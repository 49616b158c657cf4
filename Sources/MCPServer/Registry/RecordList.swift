package import JSON

/// The output of a tool that lists many records, of which few have changed since the last call: the door makes, checks and
/// writes only those whose version it does not know (``RecordPieces``).
///
/// What a record shows depends on nothing but the record: not on who asks.
package struct RecordList: Sendable, Encodable {
    /// One record as it is now.
    package struct Entry: Sendable {
        /// Among all that the tool lists.
        package var id: Int64
        /// `nil` where nobody knows whether it has changed; it is made anew then.
        package var version: Version?

        package init(id: Int64, version: Version?) {
            self.id = id
            self.version = version
        }
    }

    /// What is equal only where everything is equal that the record is made of.
    package struct Version: Sendable, Hashable {
        /// Of what is stored.
        package var stored: Int64
        /// Of what was reported.
        package var reported: UInt64

        package init(stored: Int64, reported: UInt64) {
            self.stored = stored
            self.reported = reported
        }
    }

    /// In the order in which they are shown.
    let entries: [Entry]
    /// The records at these places of the list, in the order of the places. They may be newer than their versions say,
    /// never older.
    let make: @Sendable ([Int]) async throws -> [JSONValue]

    /// - Parameter make: the records at these places, in the order of the places; newer than their versions perhaps,
    ///   never older.
    package init<Record: Encodable & Sendable>(
        _ entries: [Entry], make: @escaping @Sendable ([Int]) async throws -> [Record]
    ) {
        self.entries = entries
        self.make = { places in
            try await make(places).map { record in
                do { return try JSONValueEncoder().encode(record) } catch { throw ToolFailure.unencodable("\(error)") }
            }
        }
    }

    /// - Throws: always, as the door takes records by their pieces.
    package func encode(to encoder: any Encoder) throws {
        throw EncodingError.invalidValue(
            self, .init(codingPath: encoder.codingPath, debugDescription: "records are written one by one"))
    }
}

/// What a call has come to, after it has passed its schema.
package enum ToolResult: Sendable {
    case value(JSONValue)
    /// The elements of a list, each as JSON text.
    case records([[UInt8]])

    /// For whoever looks at it.
    /// - Throws: ``ToolFailure/internalError(_:)`` for what is no JSON, which no record is.
    package func value() throws(ToolFailure) -> JSONValue {
        switch self {
        case .value(let value): return value
        case .records(let records):
            do { return .array(try records.map { try JSONParser.parse($0) }) } catch {
                throw .internalError("a record is no JSON: \(error)")
            }
        }
    }
}
