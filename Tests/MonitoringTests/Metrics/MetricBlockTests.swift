import Storage
import Testing

@testable import Monitoring

@Suite struct MetricBlockTests {
    private let block = MetricBlock(
        rows: (0..<120).map { index in
            MetricBlock.Row(
                slot: 5000 + Int64(index), count: UInt32(index + 1), cells: [Double(index) * 0.37, -1e300, .pi])
        })

    @Test func rowsComeBackAsTheyWere() throws {
        let bytes = try block.encode(base: 5000, width: 3)
        #expect(try MetricBlock(bytes, base: 5000, width: 3) == block)
        // 120 rows of three numbers, a count and a slot.
        #expect(bytes.count < 120 * 30 / 3)
    }

    @Test func anEmptyBlockComesBack() throws {
        let bytes = try MetricBlock(rows: []).encode(base: 0, width: 17)
        #expect(try MetricBlock(bytes, base: 0, width: 17).rows.isEmpty)
    }

    @Test func damagedBytesAreRefused() throws {
        let bytes = try block.encode(base: 5000, width: 3)
        for length in 0..<bytes.count {
            #expect(throws: MetricBlockError.damaged) {
                _ = try MetricBlock(Array(bytes.prefix(length)), base: 5000, width: 3)
            }
        }
        #expect(throws: MetricBlockError.damaged) { _ = try MetricBlock(bytes, base: 5000, width: 2) }
        var other = bytes
        other[2] &+= 1
        #expect(throws: MetricBlockError.damaged) { _ = try MetricBlock(other, base: 5000, width: 3) }
    }

    @Test func aSlotThatDoesNotFitIsRefused() {
        let far = MetricBlock(rows: [MetricBlock.Row(slot: 70_000, count: 1, cells: [0])])
        #expect(throws: MetricBlockError.damaged) { _ = try far.encode(base: 0, width: 1) }
        #expect(throws: Never.self) { _ = try far.encode(base: 70_000 - 65_535, width: 1) }
        #expect(throws: MetricBlockError.damaged) { _ = try far.encode(base: 70_000 - 65_536, width: 1) }
    }

    @Test func cellsComeBack() throws {
        let bytes = MetricCells.encode(count: 7, [1.5, -2, .infinity])
        let (count, cells) = try MetricCells.decode(bytes, width: 3)
        #expect(count == 7)
        #expect(cells == [1.5, -2, .infinity])
        #expect(throws: MetricBlockError.damaged) { _ = try MetricCells.decode(bytes, width: 2) }
    }
}

@Suite struct MetricSampleTests {
    @Test func meansAreWeighedAndLastValuesKept() {
        let columns = [ServerMetric.cpu.column, ServerMetric.uptime.column]
        let samples = [
            MetricSample(time: 0, count: 1, cells: [10, 100]), MetricSample(time: 30, count: 3, cells: [20, 200]),
            MetricSample(time: 1800, count: 1, cells: [5, 300]),
        ]
        let buckets = MetricSample.buckets(samples, of: 1800, .server, columns: columns)
        #expect(buckets.map(\.time) == [0, 1800])
        #expect(buckets.map(\.count) == [4, 1])
        #expect(buckets[0].cells == [17.5, 200])
        #expect(buckets[1].cells == [5, 300])
    }

    @Test func aProbesColumnsAreMeans() {
        let samples = [
            MetricSample(time: 0, count: 1, cells: [10, 1]), MetricSample(time: 30, count: 1, cells: [0, 0]),
        ]
        #expect(MetricSample.buckets(samples, of: 60, .probe, columns: [0, 1])[0].cells == [5, 0.5])
    }
}

@Suite struct MetricsPeriodTests {
    @Test(arguments: [("1d", MetricsPeriod.day), ("7d", .week), ("30d", .month), ("", .day)])
    func knownOnesAreRead(_ text: String, _ period: MetricsPeriod) {
        #expect(MetricsPeriod(query: text) == period)
    }

    @Test(arguments: ["1h", "1D", "day", "1d ", "30"])
    func othersAreNot(_ text: String) { #expect(MetricsPeriod(query: text) == nil) }

    @Test func nothingIsADay() { #expect(MetricsPeriod(query: nil) == .day) }
}
