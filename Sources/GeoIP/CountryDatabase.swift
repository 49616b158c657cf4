private import CMaxMindDB
package import Primitives

/// A database in the MaxMind format that is open: which country an address is in. Knows the members of MaxMind's and of
/// IPinfo's databases.
///
/// Unchecked: the library only reads once it is open, from memory that nobody changes (``DatabaseCopy``).
@safe
package final class CountryDatabase: @unchecked Sendable {
    private let database: UnsafeMutablePointer<MMDB_s>

    /// The members that hold a code, the best first: of the country, else of the continent.
    private static let members: [(outer: String, inner: String?)] = [
        ("country", "iso_code"), ("country_code", nil), ("country", nil),
        ("continent", "code"), ("continent_code", nil), ("continent", nil),
    ]

    /// - Parameter copy: is not needed any more when this returns.
    init(_ copy: borrowing DatabaseCopy) throws(DatabaseFault) {
        var status: Int32 = 0
        guard let database = unsafe cmaxminddb_open(copy.path, &status) else {
            throw .notADatabase(reason: unsafe String(cString: MMDB_strerror(status)))
        }
        unsafe self.database = unsafe database
    }

    deinit { unsafe cmaxminddb_close(database) }

    /// - Returns: two letters as the database has them; `nil` where it does not know, or says something else.
    package func code(of address: IPAddress) -> String? {
        var entry = unsafe MMDB_entry_s()
        guard unsafe cmaxminddb_find(database, address.bytes, address.bytes.count, &entry) else { return nil }
        for (outer, inner) in Self.members {
            var length: UInt32 = 0
            guard let text = unsafe cmaxminddb_text(&entry, outer, inner, &length), length == 2 else { continue }
            let letters = unsafe [UInt8(bitPattern: text[0]), UInt8(bitPattern: text[1])]
            if letters.allSatisfy({ (0x41...0x5A).contains($0 & 0xDF) }) {
                return String(decoding: letters, as: UTF8.self)
            }
        }
        return nil
    }
}

/// Why a file is of no use.
package enum DatabaseFault: Error, Sendable, Equatable, CustomStringConvertible {
    case unreadable(reason: String)
    /// Beyond ``DatabaseCopy/limit``.
    case tooLarge
    case notADatabase(reason: String)

    package var description: String {
        switch self {
        case .unreadable(let reason): "cannot be read: \(reason)"
        case .tooLarge: "is larger than \(DatabaseCopy.limit >> 20) MiB"
        case .notADatabase(let reason): "is no MaxMind database: \(reason)"
        }
    }
}
