/// The keys below `tsdb:` in `config.yaml` (`engines.md` 10). Numbers that are 0 or less mean the default there.
package struct MetricsConfiguration: Sendable, Hashable {
    package enum Engine: String, Sendable, CaseIterable {
        /// A file beside the database.
        case embedded
        /// A VictoriaMetrics server or cluster (`write_url`, `read_url`).
        case victoriaMetrics = "victoriametrics"
        /// No history is kept.
        case none
    }

    package var engine = Engine.embedded.rawValue
    /// Folder of the embedded store; empty = `tsdb` beside the database.
    package var dataPath = ""
    package var retentionDays = 30
    /// With less free space nothing more is kept.
    package var minimumFreeDiskGB = "1"
    package var maximumMemoryMB = 256
    /// Rows that wait before they are written, whatever the time.
    package var writeBufferSize = 512
    /// Seconds that rows wait at most.
    package var writeBufferFlushInterval = 5
    /// Where VictoriaMetrics takes data and queries, such as `http://127.0.0.1:8428` for a single node,
    /// `http://vminsert:8480/insert/0/prometheus` and `http://vmselect:8481/select/0/prometheus` for a cluster.
    package var writeURL = ""
    package var readURL = ""

    package init() {}

    /// As a number; 1 for what is none, or not above 0.
    package var minimumFreeBytes: UInt64 {
        guard let gigabytes = Double(minimumFreeDiskGB), gigabytes > 0, gigabytes < 1e9 else { return 1 << 30 }
        return UInt64(gigabytes * Double(1 << 30))
    }

    /// Whether histories are kept; the settings tell it as `tsdb_enabled`.
    package var isEnabled: Bool { engine != Engine.none.rawValue }
}
