import FoundationEssentials
import Primitives
import Testing

@Suite struct RFC3339Tests {
    @Test func knownMoments() {
        #expect(Date(timeIntervalSince1970: 0).rfc3339(milliseconds: false) == "1970-01-01T00:00:00Z")
        #expect(Date(timeIntervalSince1970: -0.001).rfc3339(milliseconds: true) == "1969-12-31T23:59:59.999Z")
        #expect(Date(timeIntervalSince1970: 951_782_400).rfc3339(milliseconds: false) == "2000-02-29T00:00:00Z")
        #expect(Date(timeIntervalSince1970: -62_135_596_800).rfc3339(milliseconds: false) == "0001-01-01T00:00:00Z")
        #expect(
            Date(timeIntervalSince1970: 253_402_300_799.999).rfc3339(milliseconds: true) == "9999-12-31T23:59:59.999Z")
    }

    @Test func theSameAsFoundation() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<5_000 {
            // Whole milliseconds, as they are stored, after the calendars that Foundation changes between.
            let time = Double(Int64.random(in: -12_000_000_000_000...250_000_000_000_000, using: &random)) / 1000
            let date = Date(timeIntervalSince1970: time.rounded(.down) + 0.5)
            #expect(
                date.rfc3339(milliseconds: true)
                    == date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
            #expect(date.rfc3339(milliseconds: false) == date.formatted(Date.ISO8601FormatStyle()))
        }
    }
}
