import Foundation
import GRDB

extension Date {
    /// Unix time as it is stored. To the nearest, so that a stored time reads and writes back the same.
    var storedMilliseconds: Int64 {
        let value = (timeIntervalSince1970 * 1000).rounded()
        return Int64(exactly: value) ?? (value < 0 ? .min : .max)
    }

    init(storedMilliseconds: Int64) {
        self.init(timeIntervalSince1970: Double(storedMilliseconds) / 1000)
    }
}

extension String {
    /// SQLite's text ends at the first NUL for most purposes: `admin\0x` would be found, or come back, as `admin`.
    /// So a NUL is stored, and looked for, as the replacement character.
    var storable: String {
        utf8.contains(0) ? String(map { $0 == "\0" ? "\u{FFFD}" : $0 }) : self
    }
}

extension Row {
    /// Like the subscript, but a damaged row throws instead of ending the process.
    func value<Value: DatabaseValueConvertible>(_ column: Column) throws -> Value {
        try decode(Value.self, forColumn: column.name)
    }

    func date(_ column: Column) throws -> Date {
        Date(storedMilliseconds: try value(column))
    }

    func optionalDate(_ column: Column) throws -> Date? {
        let milliseconds: Int64? = try value(column)
        return milliseconds.map { Date(storedMilliseconds: $0) }
    }

    func choice<Value: RawRepresentable<Int>>(_ column: Column) throws -> Value {
        guard let value = Value(rawValue: try value(column)) else {
            throw StorageError.failed("unknown value in column \(column.name)")
        }
        return value
    }

    func json<Value: Decodable>(_ column: Column) throws -> Value {
        let text: String = try value(column)
        do {
            return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
        } catch {
            throw StorageError.failed("column \(column.name) cannot be read")
        }
    }
}

/// Lists in one text column.
enum ColumnList {
    /// Only for lists of numbers and texts, which always have a JSON form.
    static func json(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { return "null" }
        return String(decoding: data, as: UTF8.self)
    }

    /// - Throws: when an element would come back as another list: a comma in a scope would make two of it.
    static func csv(scopes: [String]) throws -> String {
        for scope in scopes where scope.contains(",") || trimmed(scope[...]) != scope || scope.isEmpty {
            throw StorageError.failed("a scope that cannot be stored")
        }
        return scopes.joined(separator: ",").storable
    }

    static func scopes(csv: String) -> [String] {
        csv.split(separator: ",").map { trimmed($0) }.filter { !$0.isEmpty }
    }

    static func csv(serverIDs: [Int64]) -> String {
        serverIDs.map { String($0) }.joined(separator: ",")
    }

    /// Entries that are no positive number are skipped (`mcp.md` 8.1). But an empty list means "no restriction", so a
    /// text of which nothing is left must not become one: it gives `[0]`, a server that never exists.
    static func serverIDs(csv: String) -> [Int64] {
        if csv.isEmpty { return [] }
        let ids = csv.split(separator: ",").compactMap { Int64(trimmed($0)) }.filter { $0 > 0 }
        return ids.isEmpty ? [0] : ids
    }

    private static func trimmed(_ text: Substring) -> String {
        text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
