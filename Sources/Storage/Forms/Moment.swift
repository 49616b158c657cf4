package import FoundationEssentials
import Primitives

/// A moment, or never. In JSON an RFC 3339 text in UTC, where "never" is the year 1, as clients in the field know it
/// (`rest-details.md` 1); in a table Unix milliseconds or NULL.
package struct Moment: Codable, Sendable, Hashable {
    package var date: Date?

    package init(_ date: Date?) { self.date = date }

    package static let never = Moment(nil)
    private static let neverText = "0001-01-01T00:00:00Z"
    private static let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        date = text.utf8.elementsEqual(Self.neverText.utf8) ? nil : try Self.style.parse(text)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(date.map { $0.rfc3339(milliseconds: true) } ?? Self.neverText)
    }
}
