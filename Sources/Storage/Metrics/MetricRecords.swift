/// Whose measurements: a server's own, or those that one server takes of a service (`engines.md` 2).
package struct MetricSeries: Sendable, Hashable {
    package enum Kind: Int64, Sendable, Hashable {
        case server = 0
        case probe = 1
    }

    package var kind: Kind
    /// Id of the server, or of the service.
    package var subject: Int64
    /// Id of the server that measured a service; 0 for a server's own.
    package var reporter: Int64

    package init(kind: Kind, subject: Int64, reporter: Int64) {
        self.kind = kind
        self.subject = subject
        self.reporter = reporter
    }
}

/// One row of a series. What its cells mean is not the file's business.
package struct MetricRow: Sendable, Hashable {
    package var series: MetricSeries
    /// 0 is the finest.
    package var level: Int64
    /// Number of the interval since 1970, in units of the level.
    package var slot: Int64
    package var cells: [UInt8]

    package init(series: MetricSeries, level: Int64, slot: Int64, cells: [UInt8]) {
        self.series = series
        self.level = level
        self.slot = slot
        self.cells = cells
    }
}

/// Rows of one series and level that are to become one block.
package struct MetricSeal: Sendable, Hashable {
    package var series: MetricSeries
    package var level: Int64
    /// The slots of the block.
    package var slots: Range<Int64>

    package init(series: MetricSeries, level: Int64, slots: Range<Int64>) {
        self.series = series
        self.level = level
        self.slots = slots
    }
}

/// What is known of some series and one level: blocks first, then rows, which are newer or replace what blocks say.
package struct MetricExtract: Sendable {
    package struct Part: Sendable {
        package var series: MetricSeries
        package var slot: Int64
        package var bytes: [UInt8]
    }

    package var blocks: [Part] = []
    package var rows: [Part] = []
}
