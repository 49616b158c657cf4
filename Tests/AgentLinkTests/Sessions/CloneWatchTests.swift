import Foundation
import Testing

@testable import AgentLink

@Suite("Two machines with one UUID")
struct CloneWatchTests {
    private static func time(_ seconds: Double) -> Date { Date(timeIntervalSince1970: seconds) }

    @Test("the third time that a living connection is replaced is noticed, once; after a while it is over")
    func noticed() {
        var watch = CloneWatch()
        let noticed = [100.0, 160, 220, 280].map { watch.replaced(lastReport: Self.time($0 - 2), at: Self.time($0)) }
        #expect(noticed == [false, false, true, false])
        #expect(watch.isDuplicated(at: Self.time(280 + CloneWatch.window - 1)))
        #expect(!watch.isDuplicated(at: Self.time(280 + CloneWatch.window)))
    }

    @Test("connections that were silent, and replacements far from each other, are one machine's")
    func accidents() {
        var watch = CloneWatch()
        var noticed: [Bool] = []
        for at in [100.0, 160, 220, 280] {
            noticed.append(watch.replaced(lastReport: Self.time(at - CloneWatch.alive), at: Self.time(at)))
            noticed.append(watch.replaced(lastReport: nil, at: Self.time(at)))
        }
        for at in [1000.0, 1400, 1800, 2200] {
            noticed.append(watch.replaced(lastReport: Self.time(at), at: Self.time(at)))
        }
        #expect(!noticed.contains(true))
    }
}
