package import Logging
package import Storage

/// The embedded metrics store (`engines.md` 2): a SQLite file of its own. Rows of 30 seconds gather in a table; after each
/// hour those of a series become one compressed block and two rows of half an hour, and after each day these become one
/// block. The last day is read from the fine rows, a week and a month from the coarse ones.
package actor EmbeddedMetrics: MetricsEngine {
    /// One fineness of rows.
    struct Level: Sendable {
        var number: Int64
        /// Seconds of a row.
        var step: Int64
        /// Rows of a block.
        var blockSlots: Int64

        static let fine = Level(number: 0, step: 30, blockSlots: 120)
        static let coarse = Level(number: 1, step: 1800, blockSlots: 48)
        static let all = [fine, coarse]
    }

    private struct OpenSeries: Hashable {
        var series: MetricSeries
        var level: Int64
    }

    private let file: MetricsFile
    /// Seconds.
    private let retention: Int64
    private let logger: Logger
    /// The oldest row of each series and level that is in no block yet; `nil` until it was read from the file.
    private var oldestOpen: [OpenSeries: Int64]?
    /// How many rows were noted so far.
    private var noted = 0
    private var nextCleaning: Int64 = 0

    /// Blocks of one transaction: a sealing holds up writers no longer than some milliseconds.
    private static let sealsAtOnce = 32
    /// Fine rows are kept a little longer than the day that is asked for.
    private static let fineRetention: Int64 = 86_400 + 2 * 3600

    /// - Parameter retentionDays: how long coarse rows stay.
    package init(file: MetricsFile, retentionDays: Int, logger: Logger) {
        self.file = file
        self.retention = Int64(retentionDays) * 86_400
        self.logger = logger
    }

    package func write(_ rows: [MetricsIntake.Row]) async throws {
        try await file.write(
            rows.map { row in
                MetricRow(
                    series: row.series, level: Level.fine.number, slot: row.time / Level.fine.step,
                    cells: MetricCells.encode(count: 1, row.cells))
            })
        try await loadOpen()
        for row in rows { note(row.series, Level.fine, slot: row.time / Level.fine.step) }
    }

    package func samples(_ query: MetricsQuery) async throws -> [SampledSeriesResult] {
        try await loadOpen()
        let fine = try await read(query, .fine)
        guard query.step >= Level.coarse.step else { return try await Self.merge(query, fine: fine, coarse: nil) }
        return try await Self.merge(query, fine: fine, coarse: try await read(query, .coarse))
    }

    package func maintain(now: Int64) async throws {
        try await loadOpen()
        for level in Level.all { try await seal(level, now: now) }
        guard now >= nextCleaning else { return }
        nextCleaning = now + 3600
        try await file.delete(
            level: Level.fine.number, before: (now - Self.fineRetention) / Level.fine.step - Level.fine.blockSlots)
        try await file.delete(
            level: Level.coarse.number, before: (now - retention) / Level.coarse.step - Level.coarse.blockSlots)
    }

    package func compact() async throws -> Int64 { try await file.compact() }

    package func files() async -> [StoredFile] { [StoredFile(name: "metrics", bytes: await file.size())] }

    package func close() { file.close() }
}

// MARK: Sealing

extension EmbeddedMetrics {
    private func loadOpen() async throws {
        guard oldestOpen == nil else { return }
        let found = try await file.oldestOpenSlots()
        var open: [OpenSeries: Int64] = [:]
        for entry in found { open[OpenSeries(series: entry.series, level: entry.level)] = entry.slot }
        // What was noted meanwhile is newer than what the file knew.
        oldestOpen = open.merging(oldestOpen ?? [:]) { min($0, $1) }
    }

    private func note(_ series: MetricSeries, _ level: Level, slot: Int64) {
        let key = OpenSeries(series: series, level: level.number)
        let oldest = min(oldestOpen?[key] ?? slot, slot)
        oldestOpen?[key] = oldest
        noted += 1
    }

    /// Seals all blocks that are over, spread over a quarter of their time so that ten thousand series do not come at once.
    private func seal(_ level: Level, now: Int64) async throws {
        let length = level.step * level.blockSlots
        var due: [MetricSeal] = []
        for (key, slot) in oldestOpen ?? [:] where key.level == level.number {
            // Neighbours together: their rows lie on the same pages.
            let spread = (key.series.subject / 64 &+ key.series.reporter / 64) % 16
            let start = slot - slot % level.blockSlots
            let end = (start + level.blockSlots) * level.step
            if now >= end + max(60, length / 64 * max(0, spread)) {
                due.append(
                    MetricSeal(series: key.series, level: level.number, slots: start..<(start + level.blockSlots)))
            }
        }
        due.sort { ($0.series.subject, $0.series.reporter) < ($1.series.subject, $1.series.reporter) }
        for start in stride(from: 0, to: due.count, by: Self.sealsAtOnce) {
            let seals = Array(due[start..<min(start + Self.sealsAtOnce, due.count)])
            let logger = logger
            try await file.seal(seals) { rows, existing in
                try Self.seal(rows, existing, level, logger: logger)
            }
            for seal in seals {
                let key = OpenSeries(series: seal.series, level: level.number)
                // The next block's first slot is the earliest that may be open now; an earlier one that was written
                // meanwhile stays noted.
                if let first = oldestOpen?[key], seal.slots.contains(first) { oldestOpen?[key] = seal.slots.upperBound }
                if level.number == Level.fine.number {
                    note(seal.series, .coarse, slot: seal.slots.lowerBound * Level.fine.step / Level.coarse.step)
                }
            }
            try await noteRemaining(seals, level)
            try Task.checkCancellation()
        }
    }

    /// What of the sealed series is open still.
    private func noteRemaining(_ seals: [MetricSeal], _ level: Level) async throws {
        for seal in seals {
            let (key, next) = (OpenSeries(series: seal.series, level: level.number), seal.slots.upperBound)
            let before = noted
            let found = try await file.firstOpenSlot(seal.series, level: seal.level, from: next)
            // What was written after the look may be the first.
            guard oldestOpen?[key] == next, found != nil || noted == before else { continue }
            oldestOpen?[key] = found
        }
    }

    /// One block of rows and of the block that was there, and for fine ones the coarse rows of all of it.
    private static func seal(
        _ rows: [MetricExtract.Part], _ existing: [UInt8]?, _ level: Level, logger: Logger
    ) throws -> (block: [UInt8], summary: [MetricRow]) {
        guard let first = rows.first else { return ([], []) }
        let width = CellLayout.width(first.series.kind)
        let base = first.slot - first.slot % level.blockSlots
        var bySlot: [Int64: MetricBlock.Row] = [:]
        if let existing {
            do {
                for row in try MetricBlock(existing, base: base, width: width).rows { bySlot[row.slot] = row }
            } catch {
                logger.warning("a damaged block of metrics was replaced")
            }
        }
        for row in rows {
            let (count, cells) = try MetricCells.decode(row.bytes, width: width)
            bySlot[row.slot] = MetricBlock.Row(slot: row.slot, count: count, cells: cells)
        }
        let block = MetricBlock(rows: bySlot.values.sorted { $0.slot < $1.slot })
        let bytes = try block.encode(base: base, width: width)
        guard level.number == Level.fine.number else { return (bytes, []) }
        let samples = block.rows.map { MetricSample(time: $0.slot * level.step, count: $0.count, cells: $0.cells) }
        let columns = Array(0..<width)
        let coarse = MetricSample.buckets(samples, of: Level.coarse.step, first.series.kind, columns: columns)
        return (
            bytes,
            coarse.map { sample in
                MetricRow(
                    series: first.series, level: Level.coarse.number, slot: sample.time / Level.coarse.step,
                    cells: MetricCells.encode(count: sample.count, sample.cells))
            }
        )
    }
}

// MARK: Reading

extension EmbeddedMetrics {
    private func read(_ query: MetricsQuery, _ level: Level) async throws -> MetricExtract {
        let from = query.from / level.step
        // Of fine rows a coarse query needs those that are in no block yet.
        let wantsBlocks = level.number == Level.coarse.number || query.step < Level.coarse.step
        return try await file.read(
            query.kind, subject: query.subject, reporter: query.reporter, level: level.number,
            // A block that begins earlier may reach into the time.
            blocks: wantsBlocks ? from - level.blockSlots + 1 : nil,
            open: oldestOpenSlot(of: query, level).map { max(from, $0) })
    }

    /// Where open rows of what is asked for begin; `nil` where there are none.
    private func oldestOpenSlot(of query: MetricsQuery, _ level: Level) -> Int64? {
        guard let reporter = query.reporter else {
            return oldestOpen?.lazy.filter { key, _ in
                key.level == level.number && key.series.kind == query.kind && key.series.subject == query.subject
            }.map(\.value).min()
        }
        let series = MetricSeries(kind: query.kind, subject: query.subject, reporter: reporter)
        return oldestOpen?[OpenSeries(series: series, level: level.number)]
    }

    /// Off the actor: unpacking a month is work.
    @concurrent
    private static func merge(
        _ query: MetricsQuery, fine: MetricExtract, coarse: MetricExtract?
    ) async throws -> [SampledSeriesResult] {
        let width = CellLayout.width(query.kind)
        // Later entries replace earlier ones of the same slot.
        var bySeries: [MetricSeries: [Int64: MetricSample]] = [:]
        func add(_ extract: MetricExtract, _ level: Level) throws {
            func put(_ series: MetricSeries, _ slot: Int64, _ count: UInt32, _ cells: [Double]) {
                let time = slot * level.step
                guard time >= query.from else { return }
                bySeries[series, default: [:]][time] = MetricSample(
                    time: time, count: count, cells: query.columns.map { cells[$0] })
            }
            for part in extract.blocks {
                for row in try MetricBlock(part.bytes, base: part.slot, width: width).rows {
                    put(part.series, row.slot, row.count, row.cells)
                }
            }
            for part in extract.rows {
                let (count, cells) = try MetricCells.decode(part.bytes, width: width)
                put(part.series, part.slot, count, cells)
            }
        }
        if let coarse {
            try add(coarse, .coarse)
            // A fine row of a half hour that is summed up already (it came late) is in the sum after the next sealing.
            var open = fine
            open.rows = fine.rows.filter { part in
                let time = part.slot * Level.fine.step
                return bySeries[part.series]?[time - time % Level.coarse.step] == nil
            }
            let summed = bySeries
            bySeries = [:]
            try add(open, .fine)
            for (series, samples) in bySeries {
                let ordered = samples.values.sorted { $0.time < $1.time }
                let buckets = MetricSample.buckets(ordered, of: Level.coarse.step, query.kind, columns: query.columns)
                bySeries[series] = Dictionary(buckets.map { ($0.time, $0) }) { $1 }
            }
            bySeries.merge(summed) { $0.merging($1) { $1 } }
        } else {
            try add(fine, .fine)
        }
        return bySeries.map { series, samples in
            SampledSeriesResult(series: series, samples: samples.values.sorted { $0.time < $1.time })
        }
    }
}
