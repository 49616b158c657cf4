package import Logging
package import Outbound
package import Settings
import Storage

extension MetricsStore {
    /// Opens the store that the configuration names. Blocks shortly; for the start.
    /// - Parameters:
    ///   - dataDirectory: where the embedded store lies, in a folder of its own, unless the configuration says it.
    ///   - client: what reaches VictoriaMetrics; it must be one that may.
    /// - Returns: `nil` where none is wanted.
    /// - Throws: `StorageError` when the embedded one cannot be opened.
    package static func open(
        _ configuration: MetricsConfiguration, dataDirectory: String, client: OutboundClient, logger: Logger
    ) throws -> MetricsStore? {
        switch MetricsConfiguration.Engine(rawValue: configuration.engine) {
        case .embedded:
            let file = try MetricsFile.open(
                path: embeddedFile(configuration, dataDirectory: dataDirectory),
                cacheBytes: configuration.maximumMemoryMB << 20, logger: logger)
            let engine = EmbeddedMetrics(file: file, retentionDays: configuration.retentionDays, logger: logger)
            let disk = DiskGuard(minimumBytes: configuration.minimumFreeBytes) { await file.freeBytes() }
            return MetricsStore(engine: engine, configuration: configuration, disk: disk, logger: logger)
        case .victoriaMetrics:
            let engine = VictoriaMetrics(
                client: client, writeURL: configuration.writeURL, readURL: configuration.readURL)
            return MetricsStore(engine: engine, configuration: configuration, logger: logger)
        case nil, .some(.none):
            return nil
        }
    }

    /// The file of the embedded store, whether it is there or not.
    package static func embeddedFile(_ configuration: MetricsConfiguration, dataDirectory: String) -> String {
        (configuration.dataPath.isEmpty ? dataDirectory + "/tsdb" : configuration.dataPath) + "/metrics.db"
    }
}
