import Arguments
import GatewayServer
import Glibc
import Monitoring
import Primitives
import Secrets
import Settings
import Storage

/// `backup` and `restore`: all that a gateway keeps, in one file.
enum Backup {
    private static let file = Positional<String>("file", help: "The backup.", read: { $0 })

    static let backup = Command(
        "backup", "Copy configuration, database and metrics into one file, also while the gateway runs.",
        discussion: """
            The file must not be there yet; it is readable by its owner alone, since it holds every secret. What \
            VictoriaMetrics keeps and installed front ends stay behind.
            """,
        options: DataFiles.rows, positionals: [file.row], work: make)

    static let restore = Command(
        "restore", "Bring back what a backup holds.",
        discussion: """
            Makes the configuration, the database and the metrics where none is there yet; start the gateway afterwards.
            """,
        options: DataFiles.rows, positionals: [file.row], work: takeOut)

    @Sendable
    private static func make(_ given: ParsedArguments) async throws {
        let (path, files) = (try given.value(file), try DataFiles(given))
        try await execute {
            for place in [files.config, files.database] where !DataFiles.exists(place) {
                throw CommandError.refused("\(place): no such file")
            }
            let metrics = try metrics(files)
            let parts = [configuration(files), database(files)] + (DataFiles.exists(metrics.path) ? [metrics] : [])
            try refusing { try BackupFile(path: path, digest: SHA256Digest.hash).make(of: parts) }
            try answer(parts, undoing: [path])
        }
    }

    @Sendable
    private static func takeOut(_ given: ParsedArguments) async throws {
        let (path, files) = (try given.value(file), try DataFiles(given))
        try await execute {
            guard !DataFiles.exists(files.database) else {
                throw CommandError.refused("\(files.database) is there already")
            }
            var places = [try DatabasePlace(path: files.database)]
            defer { places.forEach { $0.letGo() } }
            let parts = try refusing {
                let backup = try BackupFile(path: path, digest: SHA256Digest.hash)
                // It says where the metrics belong.
                try backup.restore([configuration(files)])
                do {
                    let metrics = try metrics(files)
                    let hasMetrics = try backup.names().contains { $0.utf8.elementsEqual(metrics.name.utf8) }
                    if hasMetrics { places.append(try DatabasePlace(path: metrics.path)) }
                    let others = [database(files)] + (hasMetrics ? [metrics] : [])
                    try backup.restore(others)
                    return [configuration(files)] + others
                } catch {
                    unsafe unlink(files.config)
                    throw error
                }
            }
            try answer(parts, undoing: parts.map(\.path))
        }
    }

    /// Names the files; those that were made go again where nobody can read that.
    private static func answer(_ parts: [BackupFile.Part], undoing made: [String]) throws(CommandError) {
        do {
            try StandardStream.output.answer(parts.map { "\($0.path)\n" }.joined())
        } catch {
            for path in made { unsafe unlink(path) }
            throw error
        }
    }

    private static func configuration(_ files: DataFiles) -> BackupFile.Part {
        BackupFile.Part(name: "config.yaml", path: files.config, isDatabase: false)
    }

    private static func database(_ files: DataFiles) -> BackupFile.Part {
        BackupFile.Part(name: "sqlite.db", path: files.database, isDatabase: true)
    }

    /// The file of the embedded metrics store, which need not be there.
    private static func metrics(_ files: DataFiles) throws -> BackupFile.Part {
        let loaded = try ConfigurationLoader(path: files.config, environment: environment).load()
        let path = MetricsStore.embeddedFile(
            loaded.configuration.settings.metrics, dataDirectory: files.dataDirectory)
        return BackupFile.Part(name: "metrics.db", path: path, isDatabase: true)
    }

    private static func refusing<Result>(_ work: () throws -> Result) throws -> Result {
        do {
            return try work()
        } catch let failure as BackupFile.Failure {
            throw CommandError.refused(TerminalText.oneLine(failure.description))
        }
    }
}
