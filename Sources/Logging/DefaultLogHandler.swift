/// Lines of a process that chose no form: `2026-01-31T10:00:00+0000 notice label: key=value [Module] message`.
struct DefaultLogHandler: LogHandler {
    let label: String
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]
    var write: @Sendable (String) -> Void = { LineSink.standardError.write($0) }

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let pairs = metadata.merging(event.metadata ?? [:]).entries.map { "\($0.key)=\($0.value) " }.joined()
        write("\(LogTime.localText()) \(event.level) \(label): \(pairs)[\(event.source)] \(event.message)")
    }
}
