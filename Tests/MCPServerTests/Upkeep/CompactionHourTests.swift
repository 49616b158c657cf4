import FoundationEssentials
import Testing

@testable import MCPServer

@Suite("Housekeeping: when the database is compacted")
struct CompactionHourTests {
    private typealias LocalHour = Housekeeper.LocalHour

    @Test(
        "an hour of the week in a zone",
        arguments: [
            // Thursday, 1 January 1970.
            (0, 0, 4, 0), (-1, 0, 3, 23), (3 * 86_400 + 4 * 3600, 0, 0, 4), (3 * 86_400 + 4 * 3600 - 1, 0, 0, 3),
            // The same moment is another day elsewhere.
            (3 * 86_400, 8 * 3600, 0, 8), (3 * 86_400, -3600, 6, 23), (1_800_000_000, 0, 5, 8),
        ])
    func hour(second: Int, offset: Int, weekday: Int, hour: Int) {
        let date = Date(timeIntervalSince1970: Double(second))
        #expect(LocalHour(date, offset: offset) == LocalHour(weekday: weekday, hour: hour))
    }
}
