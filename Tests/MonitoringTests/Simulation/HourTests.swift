import AgentLink
import FoundationEssentials
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Monitoring

/// An hour of 200 agents, 50 monitors, 30 alert rules and one task, in steps of three seconds by a clock of the test's own:
/// the engines are real, and so are database and channels. What has to be told, and when, is worked out by hand beside
/// what causes it.
@Suite struct HourTests {
    private static let servers = 200
    private static let steps = 1200

    @Test("an hour of 200 agents tells exactly what happened in it, at the moments when it did")
    func hour() async throws {
        let hour = try SimulatedHour(servers: Self.servers)
        let sink = HTTPSink()
        try await LocalService.with(sink.serve) { port in
            try await hour.begin(port: port)
            try await EngineWorld.running([hour.world.notifier.run]) {
                for number in 1...Self.steps { await hour.step(number) }
                let expected = Expected.alerts.count + Expected.monitors.count
                try await sink.wait(for: expected)
                // Behind everything that was told in either way.
                hour.end()
                try await sink.wait(for: expected + 2)
            }
        }
        let told = sink.bodies.map(Told.init)
        #expect(told.filter { $0.channel == "alerts" }.map(\.line) == Expected.alerts + ["3600 end"])
        let monitors = told.filter { $0.channel == "monitors" }
        #expect(monitors.map(\.text) == Expected.monitors.map(\.text) + ["end"])
        for (told, expected) in zip(monitors, Expected.monitors) {
            #expect(expected.within.contains(told.second), "\(told.line)")
        }
    }

    /// One message as a channel had it: `<channel>|<#DATETIME#>|<#NEZHA#>`.
    private struct Told {
        var channel: String
        /// Of the hour.
        var second: Int
        var text: String
        var line: String { "\(second) \(text)" }

        init(_ body: String) {
            let parts = body.split(separator: "|", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            channel = parts[0]
            text = parts.count == 3 ? parts[2] : body
            // 2027-01-15 08:05:21.000000000 +0000 UTC
            let clock = parts.count == 3 ? parts[1].split(separator: " ")[1].prefix(8).split(separator: ":") : []
            let numbers = clock.compactMap { Int($0) }
            second = numbers.count == 3 ? (numbers[0] - 8) * 3600 + numbers[1] * 60 + numbers[2] : -1
        }
    }

    /// Worked out by hand; step `n` is second `3 n`.
    private enum Expected {
        /// Beginnings and ends of incidents, and the task, to the second.
        static let alerts = [
            // cpu-2 (10 samples): high from step 50 on, the eighth at 57.
            "171 [Incident] s27(10.****.27) cpu-2",
            // cpu-1: high from step 100 on.
            "321 [Incident] s7(10.****.7) cpu-1",
            // offline-3 (4 samples): silent after step 200, more than six seconds at 203, four times at 206.
            "618 [Incident] s45(10.****.45) offline-3",
            "900 [Resolved] s45(10.****.45) offline-3",
            // It goes on, and its mute of 15 minutes is over.
            "1071 [Incident] s27(10.****.27) cpu-2",
            "1200 [Task failed] nightly: server s199 is offline and cannot execute the task",
            // High until step 399: seven of ten at 402.
            "1206 [Resolved] s7(10.****.7) cpu-1",
            // Again from 450 to 459: told at once, for the end of the first incident ended its mute.
            "1371 [Incident] s7(10.****.7) cpu-1",
            "1386 [Resolved] s7(10.****.7) cpu-1",
            // 85 percent from step 500 to 599 (5 samples, of which four are enough).
            "1509 [Incident] s100(10.****.100) memory-80",
            "1509 [Incident] s100(10.****.100) memory-82",
            "1509 [Incident] s100(10.****.100) memory-84",
            "1803 [Resolved] s100(10.****.100) memory-80",
            "1803 [Resolved] s100(10.****.100) memory-82",
            "1803 [Resolved] s100(10.****.100) memory-84",
            // Two conditions of three samples: both hold from step 750 to 799.
            "2256 [Incident] s150(10.****.150) busy-only-150",
            "2256 [Incident] s195(10.****.195) busy-but-150",
            "2256 [Incident] s195(10.****.195) busy-of-another",
            "2400 [Task failed] nightly: server s199 is offline and cannot execute the task",
            "2400 [Resolved] s150(10.****.150) busy-only-150",
            "2400 [Resolved] s195(10.****.195) busy-but-150",
            "2400 [Resolved] s195(10.****.195) busy-of-another",
            // The second mute lasts half an hour, the third a whole one.
            "2871 [Incident] s27(10.****.27) cpu-2",
            // 1,000 bytes a step; looked at in steps 1, 601, 841, 937, 997 and 1057: the wait is 1,800 s of what is
            // left, at least 180 s.
            "3171 [Incident] s60(10.****.60) traffic",
            // High until step 1150.
            "3459 [Resolved] s27(10.****.27) cpu-2",
            "3600 [Task failed] nightly: server s199 is offline and cannot execute the task",
            // The next cycle begins with the next hour.
            "3600 [Resolved] s60(10.****.60) traffic",
        ]

        /// Monitors ask each 30 seconds, at moments of their own: the interval in which each message has to come.
        static let monitors: [(within: ClosedRange<Int>, text: String)] = [
            (1...30, expiry),
            // What lasts is told again after 15 minutes.
            (901...930, expiry),
            // m1 fails 30 times from 931 on: the second of 30 is 93 %, the sixth 80 %.
            (961...990, "[Low Availability] m1 Reporter: s1, Error: refused"),
            (1081...1110, "[Down] m1 Reporter: s1, Error: refused"),
            (1201...1230, "[Latency] m21 300.000000 > 200.000000, Reporter: s21"),
            (
                1501...1530,
                "[TLS] m41 TLS certificate changed, old: issuer CA one, expires at 2029-01-01 00:00:00; "
                    + "new: issuer CA two, expires at 2030-01-01 00:00:00"
            ),
            // Still down by its last 30, although it answers again.
            (1981...2010, "[Down] m1 Reporter: s1, Error: "),
            (2071...2100, "[Low Availability] m11 Reporter: s11, Error: refused"),
            // The 25th success of 30 is 83 %, the 29th 96 %.
            (2551...2580, "[Low Availability] m1 Reporter: s1, Error: "),
            (2671...2700, "[Good] m1 Reporter: s1, Error: "),
            // The second mute is half an hour.
            (2701...2730, expiry),
            // Of the three failures of m11 two have left the window.
            (2971...3000, "[Good] m11 Reporter: s11, Error: "),
            (3031...3060, "[Latency] m21 300.000000 > 200.000000, Reporter: s21"),
        ]

        private static let expiry =
            "[TLS] m31 The TLS certificate will expire within seven days. Expiration time: 2027-01-20 08:00:00"
    }
}
