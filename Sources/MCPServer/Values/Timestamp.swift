import FoundationEssentials
import Primitives

/// A moment as answers show it: RFC 3339 in UTC with milliseconds (`rest.md` 1).
struct Timestamp: Encodable, Sendable, Hashable {
    let text: String

    init(_ date: Date) {
        text = date.rfc3339(milliseconds: true)
    }

    init?(_ date: Date?) {
        guard let date else { return nil }
        self.init(date)
    }

    /// The moment that an RFC 3339 text says, with or without fraction, in whatever offset.
    static func date(_ text: String) -> Date? {
        (try? Date.ISO8601FormatStyle().parse(text))
            ?? (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
    }

    /// For members that are always there: what clients in the field know as "never" (`rest-details.md` 1).
    init(orNever date: Date?) {
        self = date.map { Timestamp($0) } ?? .never
    }

    /// A moment without fraction.
    init(wholeSeconds date: Date) {
        text = date.rfc3339(milliseconds: false)
    }

    private init(text: String) {
        self.text = text
    }

    static let never = Timestamp(text: "0001-01-01T00:00:00Z")

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
