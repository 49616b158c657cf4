import Testing

@testable import MCPServer

@Suite struct RegistryStatisticsTests {
    @Test func callsAreCountedByOutcomeAndDuration() {
        let statistics = CallStatistics()
        statistics.count(.ok, .milliseconds(1))
        statistics.count(.ok, .microseconds(1_001))
        statistics.count(.agentTimeout, .seconds(61))
        let found = statistics.snapshot
        #expect(found.outcomes == [.ok: 2, .agentTimeout: 1])
        #expect(found.buckets == [1, 2, 2, 2, 2, 2, 2, 2, 3])
        #expect(abs(found.seconds - 61.002001) < 1e-6)
    }

    @Test func nothingIsCountedBeforeTheFirstCall() {
        let found = CallStatistics().snapshot
        #expect(found.outcomes.isEmpty)
        #expect(found.buckets == [UInt64](repeating: 0, count: CallStatistics.bounds.count + 1))
    }
}
