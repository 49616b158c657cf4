import Glibc
import Testing

@testable import TimeZones

@Suite("Time zones")
struct ZoneTests {
    private static func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = hexadecimal.utf8.map { $0 < 0x3A ? $0 - 0x30 : $0 - 0x57 }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    @Test("offsets, abbreviations and readings of clocks are those that Python finds", arguments: ZoneFixture.all)
    func fixture(_ fixture: ZoneFixture) throws {
        let zone = try #require(TZif(Self.bytes(fixture.file)).zone(named: fixture.name))
        var compared = 0
        for line in fixture.says.split(separator: "\n") {
            let words = line.split(separator: " ")
            let instant = try #require(Int64(words[1]))
            switch words[0] {
            case "at":
                let setting = zone.setting(at: instant)
                #expect("\(setting.offset) \(setting.abbreviation)" == "\(words[2]) \(words[3])", "\(line)")
            default:
                let (first, second) = (try #require(Int64(words[2])), try #require(Int64(words[3])))
                let expected: Zone.LocalTime =
                    first == second
                    ? .once(first) : first < second ? .twice(first: first, second: second) : .never(first)
                #expect(zone.instant(local: instant) == expected, "\(line)")
            }
            compared += 1
        }
        #expect(compared > 40)
    }

    @Test(
        "GMT and UTC with an offset need no file",
        arguments: [
            ("UTC", 0), ("GMT", 0), ("GMT+1", 3600), ("GMT-12", -43_200), ("UTC+0530", 19_800), ("UTC+5:30", 19_800),
            ("GMT+01:00", 3600), ("GMT-0", 0), ("GMT+18", 64_800), ("GMT-00:01", -60),
        ])
    func offsets(name: String, offset: Int) throws {
        let zone = try Zone.named(name, folder: "/nonexistent")
        #expect(zone.setting(at: 0).offset == offset)
        #expect(zone.instant(local: 1_000_000) == .once(1_000_000 - Int64(offset)))
    }

    @Test(
        "other texts are no offsets",
        arguments: [
            "GMT+", "GMT1", "GMT+19", "GMT+18:01", "GMT+1801", "GMT+530", "GMT+5:3", "GMT+1:60", "GMT+1a", "gmt", "Z",
            "+01:00",
            "GMT+1:30:15", "GMT+:30", "GMT++1", "GMT+123456789012345678901234567890",
        ])
    func noOffsets(name: String) {
        #expect(throws: ZoneError.self) { try Zone.named(name) }
    }

    @Test(
        "names are looked at before files",
        arguments: [
            "", "/", "/etc/passwd", "../zoneinfo/UTC", "Europe/../Europe/Berlin", "Europe//Berlin", "Europe/", "./UTC",
            "a b",
            "Europe/Berlin\0", "posix/Europe/Berlin", "right/UTC", "localtime", "posixrules", "zone.tab", "Ünïcode",
            String(repeating: "a", count: 65),
        ])
    func badNames(name: String) {
        #expect(!Zone.isName(name))
        #expect(throws: ZoneError.badName) { try Zone.named(name) }
    }

    @Test("names of 64 bytes are names")
    func longName() {
        #expect(Zone.isName(String(repeating: "a", count: 64)))
    }

    @Test("zones are read from a folder; what is none is told apart")
    func files() throws {
        let folder = try TemporaryFolder()
        let berlin = try #require(ZoneFixture.all.first { $0.name == "Europe/Berlin" })
        try folder.write(Self.bytes(berlin.file), to: "Berlin")
        try folder.write(Array("no zone".utf8), to: "text")
        try folder.write([UInt8](repeating: 0x54, count: 1 << 18), to: "large")
        let zone = try Zone.named("Berlin", folder: folder.path)
        #expect(zone.setting(at: 0).abbreviation == "CET")
        #expect(zone.setting(at: 4_086_000_000).isDaylightSaving)
        #expect(throws: ZoneError.unknown) { try Zone.named("Paris", folder: folder.path) }
        #expect(throws: ZoneError.unknown) { try Zone.named("Berlin/Mitte", folder: folder.path) }
        #expect(throws: ZoneError.damaged(path: folder.path + "/text")) { try Zone.named("text", folder: folder.path) }
        #expect(throws: ZoneError.damaged(path: folder.path + "/large")) {
            try Zone.named("large", folder: folder.path)
        }
        #expect(throws: ZoneError.noZones(folder: "/nonexistent")) { try Zone.named("Berlin", folder: "/nonexistent") }
        // A folder is no zone.
        #expect(unsafe mkdir(folder.path + "/Europe", 0o700) == 0)
        #expect(throws: ZoneError.unknown) { try Zone.named("Europe", folder: folder.path) }
        // Names of three letters that configurations may have.
        #expect(unsafe mkdir(folder.path + "/America", 0o700) == 0)
        try folder.write(Self.bytes(berlin.file), to: "America/Los_Angeles")
        #expect(try Zone.named("PST", folder: folder.path).name == "PST")
    }

    @Test("damaged files are refused or read, and answer for every instant", arguments: ZoneFixture.all)
    func damage(_ fixture: ZoneFixture) {
        let good = Self.bytes(fixture.file)
        var state: UInt64 = 88_172_645_463_325_252
        func random(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
        for length in stride(from: 0, to: good.count, by: 7) {
            #expect(TZif(Array(good.prefix(length))).zone(named: "x") == nil)
        }
        for _ in 0..<300 {
            var bytes = good
            for _ in 0...random(4) { bytes[random(bytes.count)] = UInt8(random(256)) }
            guard let zone = TZif(bytes).zone(named: "x") else { continue }
            for instant in [Int64.min, -1 << 40, -1, 0, 1 << 31, 1 << 40, Int64.max] {
                #expect(abs(zone.setting(at: instant).offset) < 8 * 86_400)
                _ = zone.instant(local: instant)
            }
        }
    }

    @Test(
        "rules of other forms are refused",
        arguments: [
            "", "A1", "AB1", "ABC", "ABC25", "ABC1DEF,", "ABC1DEF,M3.5.0", "ABC1DEF,M13.5.0,M10.5.0",
            "ABC1DEF,M3.6.0,M10.5.0",
            "ABC1DEF,M3.5.7,M10.5.0", "ABC1DEF,J0,J1", "ABC1DEF,J1,J366", "ABC1DEF,0,366", "ABC1DEF,0/168,1", "ABC1:60",
            "<ABC1", "ABC1DEF,0,1,2", "ABC1DEF2x", "ABC--1",
        ])
    func badRules(text: String) {
        #expect(PosixRule(text.utf8) == nil)
    }

    @Test("a change may lie in the year before its own, or after it")
    func overNewYear() throws {
        // The first Sunday of 2050 is 2 January; 25 hours before it, saving begins. It ends on Sunday, 26 December 2049, at 6.
        let rule = try #require(PosixRule("<+03>-3<+04>-4:30,M1.1.0/-25,M12.5.6/30".utf8))
        let begin: Int64 = 2_524_593_600  // 2049-12-31T20:00:00Z
        #expect(!rule.setting(at: begin - 1).isDaylightSaving)
        #expect(rule.setting(at: begin).isDaylightSaving)
        #expect(rule.setting(at: begin + 86_400).isDaylightSaving)
        let end: Int64 = 2_524_095_000  // 2049-12-26T01:30:00Z
        #expect(rule.setting(at: end - 1).isDaylightSaving)
        #expect(!rule.setting(at: end).isDaylightSaving)
    }

    @Test("days count from 0, and from 1 after a J, which knows no leap day")
    func days() throws {
        let rule = try #require(PosixRule("XXX3YYY,59/0,300".utf8))
        // 1 March 2050, midnight.
        #expect(!rule.setting(at: 2_529_716_399).isDaylightSaving)
        #expect(rule.setting(at: 2_529_716_400).isDaylightSaving)
        // 29 February 2052 is day 59; J60 is always 1 March.
        for (end, day) in [("59", 29), ("J60", 30)] {
            let leap = try #require(PosixRule("XXX0YYY,31/0,\(end)/1".utf8))
            let midnight = Calendar.day(year: 2052, month: 2, day: Int64(day)) * 86_400
            #expect(leap.setting(at: midnight - 1).isDaylightSaving)
            #expect(!leap.setting(at: midnight).isDaylightSaving)
        }
    }

    @Test("a rule without days has the customary ones")
    func customary() throws {
        let rule = try #require(PosixRule("EST5EDT".utf8))
        #expect(rule == PosixRule("EST5EDT4,M3.2.0/2,M11.1.0/2:00:00".utf8))
    }

    @Test("days and years of the calendar agree", arguments: [-800_000, -719_469, -1, 0, 59, 11_016, 20_000, 900_000])
    func calendar(day: Int64) {
        let year = Calendar.year(ofDay: day)
        #expect(Calendar.day(year: year, month: 1, day: 1) <= day)
        #expect(Calendar.day(year: year + 1, month: 1, day: 1) > day)
    }
}

/// A folder that goes with the test.
private final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/zones-XXXXXX".utf8CString)
        try #require(unsafe mkdtemp(&template) != nil)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        let descriptor = unsafe open("\(path)/\(name)", O_WRONLY | O_CREAT, 0o600)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        try #require(unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
    }

    deinit {
        for name in ["Berlin", "text", "large", "America/Los_Angeles"] { unsafe unlink("\(path)/\(name)") }
        for name in ["/Europe", "/America", ""] { unsafe rmdir(path + name) }
    }
}
