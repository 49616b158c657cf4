import Primitives
import Testing

@testable import GeoIP

@Suite("Countries: the database")
struct CountryDatabaseTests {
    private static func maxMind(_ country: String?, continent: String? = nil) -> DatabaseWriter.Value {
        .map(
            (country.map { [("country", .map([("iso_code", .text($0))]))] } ?? [])
                + (continent.map { [("continent", .map([("code", .text($0))]))] } ?? []))
    }

    private static func sample(version: Int) -> [UInt8] {
        var writer = DatabaseWriter(version: version)
        writer.add([192, 0, 2, 0], 24, maxMind("DE", continent: "EU"))
        writer.add([198, 51, 100, 0], 25, maxMind(nil, continent: "NA"))
        writer.add([203, 0, 113, 7], 32, .map([("country_code", .text("FR")), ("country", .text("France"))]))
        writer.add([100, 64, 0, 0], 10, .map([("country", .text("jp")), ("continent", .text("AS"))]))
        writer.add([10, 0, 0, 0], 8, .map([("country", .text("Nowhere")), ("continent_code", .text("AF"))]))
        writer.add([11, 0, 0, 0], 8, .map([("country", .uint16(7)), ("continent", .text("1A"))]))
        writer.add([12, 0, 0, 0], 8, .text("GB"))
        if version == 6 {
            writer.add([0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 12), 32, maxMind("SE"))
        }
        return writer.bytes
    }

    private static func open(_ bytes: [UInt8]) throws -> CountryDatabase { try CountryDatabase(DatabaseCopy(bytes)) }

    private static let expected: [(String, String?)] = [
        ("192.0.2.0", "DE"), ("192.0.2.255", "DE"), ("192.0.3.0", nil), ("::ffff:192.0.2.1", "DE"),
        // The continent, where there is no country.
        ("198.51.100.127", "NA"), ("198.51.100.128", nil),
        // What is called so by others; a name is no code.
        ("203.0.113.7", "FR"), ("203.0.113.8", nil), ("100.100.0.1", "jp"), ("10.1.2.3", "AF"), ("11.0.0.1", nil),
        ("12.0.0.1", nil), ("2001:db9::1", nil),
    ]

    @Test("an address has the code of its country, else of its continent, else none", arguments: [4, 6])
    func codes(version: Int) throws {
        let database = try Self.open(Self.sample(version: version))
        for (address, code) in Self.expected {
            #expect(database.code(of: try #require(IPAddress(address))) == code, "\(address)")
        }
        let ipv6 = database.code(of: try #require(IPAddress("2001:db8::1")))
        #expect(ipv6 == (version == 6 ? "SE" : nil))
    }

    @Test("what is no database is refused", arguments: [("", 0), ("text", 0), ("", 8192)])
    func others(text: String, zeros: Int) {
        #expect(throws: DatabaseFault.self) { try Self.open(Array(text.utf8) + [UInt8](repeating: 0, count: zeros)) }
    }

    @Test("Damaged files: a database that is cut anywhere is refused, or knows less", arguments: [4, 6])
    func cut(version: Int) throws {
        let whole = Self.sample(version: version)
        for length in 0..<whole.count { Self.tryAll(Array(whole[..<length])) }
    }

    @Test("Damaged files: whatever one byte of a database becomes, nothing ends", arguments: [4, 6])
    func flipped(version: Int) throws {
        let whole = Self.sample(version: version)
        for index in whole.indices {
            for mask in [0x01, 0x20, 0x80, 0xFF] as [UInt8] {
                var bytes = whole
                bytes[index] ^= mask
                Self.tryAll(bytes)
            }
        }
    }

    /// What comes of it does not matter: some code of two letters, or nothing.
    private static func tryAll(_ bytes: [UInt8]) {
        guard let database = try? open(bytes) else { return }
        for (address, _) in expected + [("2001:db8::1", nil), ("::", nil), ("255.255.255.255", nil)] {
            guard let code = IPAddress(address).flatMap({ database.code(of: $0) }) else { continue }
            #expect(code.utf8.count == 2)
        }
    }
}
