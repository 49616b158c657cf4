import Testing

@testable import TimeZones

@Suite("Schedules")
struct ScheduleTests {
    @Test(
        "what is no schedule is told in the words that users know",
        arguments: [
            ("", "empty spec string"),
            ("   ", "expected exactly 6 fields, found 0: []"),
            ("* * * * *", "expected exactly 6 fields, found 5: [* * * * *]"),
            ("0 0 0 * * * 2026", "expected exactly 6 fields, found 7: [0 0 0 * * * 2026]"),
            ("0 0 0 * * 7", "end of range (7) above maximum (6): 7"),
            ("60 * * * * *", "end of range (60) above maximum (59): 60"),
            ("0 0 0 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("0 5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
            ("a b c d e f", #"failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax"#),
            ("0 */0 * * * *", "step of range should be a positive number: */0"),
            ("0 1/2/3 * * * *", "too many slashes: 1/2/3"),
            ("0 1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("@every soon", #"failed to parse duration @every soon: time: invalid duration "soon""#),
            ("@every 5", #"failed to parse duration @every 5: time: missing unit in duration "5""#),
            ("@every 5x", #"failed to parse duration @every 5x: time: unknown unit "x" in duration "5x""#),
            ("@every", "unrecognized descriptor: @every"),
            ("@reboot", "unrecognized descriptor: @reboot"),
            (
                "CRON_TZ=Nowhere/Land 0 0 4 * * *",
                "provided bad location Nowhere/Land: unknown time zone Nowhere/Land"
            ),
        ])
    func refused(text: String, reason: String) {
        #expect { try Schedule(text) } throws: { "\($0)" == reason }
    }

    private let utc = Zone.fixed("UTC", offset: 0)

    /// Seconds since 1970 of a time in UTC.
    private func at(
        _ year: Int64, _ month: Int64, _ day: Int64, _ hour: Int64, _ minute: Int64 = 0, _ second: Int64 = 0
    )
        -> Int64
    {
        Calendar.day(year: year, month: month, day: day) * 86_400 + hour * 3600 + minute * 60 + second
    }

    @Test(
        "the next time in UTC, from Friday 2026-01-30 12:34:56 on",
        arguments: [
            ("* * * * * *", [1, 30, 12, 34, 57]),
            ("0 * * * * ?", [1, 30, 12, 35, 0]),
            ("*/15 0-30/5 1,2 * * *", [1, 31, 1, 0, 0]),
            ("30/10 * * * * *", [1, 30, 12, 35, 30]),
            ("0 30 4 * * *", [1, 31, 4, 30, 0]),
            ("0 0 0 1 JAN SUN", [2 + 10 + 1, 1, 0, 0, 0]),
            ("0 0 0 ? * 1-5", [2, 2, 0, 0, 0]),
            ("0 0 0 31 * *", [1, 31, 0, 0, 0]),
            ("0 0 0 15 * MON", [2, 2, 0, 0, 0]),
            ("@monthly", [2, 1, 0, 0, 0]),
            ("@weekly", [2, 1, 0, 0, 0]),
            ("@hourly", [1, 30, 13, 0, 0]),
            ("@every 1h30m", [1, 30, 14, 4, 56]),
            ("@every -5s", [1, 30, 12, 34, 57]),
            ("TZ=Asia/Tokyo 0 0 4 * * *", [1, 30, 19, 0, 0]),
            ("  0 0 3 31 1 *  ", [1, 31, 3, 0, 0]),
        ] as [(String, [Int64])])
    func next(text: String, expected: [Int64]) throws {
        let (year, month): (Int64, Int64) = expected[0] > 12 ? (2027, expected[0] - 12) : (2026, expected[0])
        let wanted = at(year, month, expected[1], expected[2], expected[3], expected[4])
        #expect(try Schedule(text).next(after: at(2026, 1, 30, 12, 34, 56), in: utc) == wanted)
    }

    @Test("29 February is waited for, 30 February never comes")
    func leapDays() throws {
        #expect(try Schedule("0 0 0 29 2 *").next(after: at(2028, 2, 29, 0), in: utc) == at(2032, 2, 29, 0))
        #expect(try Schedule("0 0 0 29 2 *").next(after: at(2097, 1, 1, 0), in: utc) == at(2104, 2, 29, 0))
        #expect(try Schedule("0 0 0 30 2 *").next(after: at(2026, 1, 1, 0), in: utc) == nil)
    }

    @Test("an hour that the clocks leave out is left out; one that they repeat is due twice")
    func clockChanges() throws {
        let berlin = try Zone.named("Europe/Berlin")
        let daily = try Schedule("0 30 2 * * *")
        // 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00.
        #expect(daily.next(after: at(2026, 3, 28, 1, 30), in: berlin) == at(2026, 3, 30, 0, 30))
        #expect(daily.next(after: at(2026, 10, 24, 12), in: berlin) == at(2026, 10, 25, 0, 30))
        #expect(daily.next(after: at(2026, 10, 25, 0, 30), in: berlin) == at(2026, 10, 25, 1, 30))
        #expect(daily.next(after: at(2026, 10, 25, 1, 30), in: berlin) == at(2026, 10, 26, 1, 30))
        let hourly = try Schedule("@hourly")
        #expect(hourly.next(after: at(2026, 3, 29, 0), in: berlin) == at(2026, 3, 29, 1))
        #expect(hourly.next(after: at(2026, 10, 25, 0), in: berlin) == at(2026, 10, 25, 1))
    }
}
