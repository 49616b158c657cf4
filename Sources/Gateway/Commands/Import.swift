import Arguments
import GatewayServer
import Glibc
import Logging
import Monitoring
import Primitives
import Secrets
import Storage
import TimeZones

import struct FoundationEssentials.Date

/// `import`: moves in from a Nezha dashboard.
enum Import {
    private static let folder = Option(
        "--from", help: "The dashboard's data folder, with sqlite.db and config.yaml. It is only read.",
        isRequired: true)
    private static let dryRun = Flag("--dry-run", help: "Tell what would come, and write nothing.")

    static let command = Command(
        "import", "Bring users, servers, tokens, settings and all else from a Nezha dashboard.",
        discussion: """
            Makes a new configuration and a new database, neither of which may be there yet. Ids stay; so do passwords, \
            tokens and the secrets of agents, which come by themselves once the gateway answers where the dashboard did. \
            Stop the dashboard first.
            """,
        options: [folder.row, dryRun.row] + DataFiles.rows, work: run)

    @Sendable
    private static func run(_ given: ParsedArguments) async throws {
        let (from, isDryRun, files) = (try given.value(folder), given[dryRun], try DataFiles(given))
        try await execute {
            let moving = Moving(from: from, to: files)
            try moving.checkPlaces()
            let place = try DatabasePlace(path: files.database)
            defer { place.letGo() }
            defer { moving.clear() }
            let report = try await moving.bring()
            try StandardStream.output.answer(report.text(isDryRun: isDryRun))
            if !isDryRun { try moving.keep() }
        }
    }
}

/// One move: everything is made beside its place and put there at the end, so that a move that breaks off leaves nothing.
private struct Moving {
    private let oldDatabase: String
    private let oldConfiguration: String
    private let files: DataFiles
    private var newDatabase: String { files.database + ".import" }
    private var newConfiguration: String { files.config + ".import" }

    init(from folder: String, to files: DataFiles) {
        oldDatabase = Self.absolute(folder) + "/sqlite.db"
        oldConfiguration = folder + "/config.yaml"
        self.files = files
    }

    func checkPlaces() throws(CommandError) {
        for path in [files.database, files.config] where DataFiles.exists(path) {
            throw .refused("\(path) is there already: an import makes a new one, and changes none")
        }
        for path in [oldDatabase, oldConfiguration] where !DataFiles.exists(path) {
            throw .refused("\(path): no such file; --from names the dashboard's data folder")
        }
    }

    /// Makes the new files beside their places.
    func bring() async throws -> ImportReport {
        clear()
        let text: [UInt8]
        do {
            text = try AtomicFile.read(oldConfiguration, limit: 16 << 20)
            try AtomicFile.write(text, to: newConfiguration, mode: 0o600, folderMode: 0o700)
        } catch {
            throw CommandError.refused("the configuration cannot be copied: \(error.reason)")
        }
        // Completes it: the dashboard had no key for what is sealed here.
        let loaded = try ConfigurationLoader(path: newConfiguration, environment: environment).load()
        let key = try loaded.configuration.dataKey
        let handle = try SQLiteDatabase.open(
            path: newDatabase, mode: .serve,
            logger: Logger(label: "nezha-gateway", factory: { _ in SwiftLogNoOpLogHandler() }))
        defer { handle.close() }
        let secrets = ImportSecrets(
            tokenHash: { key.keyedHash($0) },
            agentSecret: { (hash: key.keyedHash($0), sealed: key.seal(Array($0.utf8))) })
        let zone = try Zone.named(
            loaded.configuration.location, folder: environment["TZDIR"] ?? "/usr/share/zoneinfo")
        let calendar = ImportCalendar(now: Int64(Date().timeIntervalSince1970)) { zone.startOfDay(at: $0) }
        let bar = ProgressBar()
        defer { bar.end() }
        do {
            return try await handle.importDashboard(
                from: oldDatabase, secrets: secrets, calendar: calendar, progress: bar.show)
        } catch let error as ImportError {
            throw CommandError.refused(error.text)
        }
    }

    /// Puts the new files where they belong. The configuration comes first: without it nobody could read the database.
    func keep() throws(CommandError) {
        for (new, place) in [(newConfiguration, files.config), (newDatabase, files.database)] {
            guard unsafe rename(new, place) == 0 else {
                throw .refused("\(new) cannot become \(place): \(SystemCallError.last.reason)")
            }
        }
    }

    func clear() {
        for path in [newDatabase, newDatabase + "-wal", newDatabase + "-shm", newDatabase + ".lock", newConfiguration] {
            unsafe unlink(path)
        }
    }

    private static func absolute(_ path: String) -> String {
        if path.utf8.first == UInt8(ascii: "/") { return path }
        guard let current = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(current) }
        return unsafe String(cString: current) + "/" + path
    }
}

extension ImportError {
    fileprivate var text: String {
        switch self {
        case .notADashboard(let path): "\(path) is no database of a Nezha dashboard (v1 or v2)"
        case .notAtRest(let path):
            "\(path) cannot be read as it is: stop the dashboard, and let it end by itself"
        case .notEmpty: "the database has users or servers already"
        }
    }
}

extension ImportReport {
    fileprivate func text(isDryRun: Bool) -> String {
        var lines = [isDryRun ? "would bring:" : "brought:"]
        lines += kinds.filter { $0.found > 0 }.map { kind in
            "  \(kind.brought) \(kind.name)" + (kind.brought == kind.found ? "" : " of \(kind.found)")
        }
        if !skipped.isEmpty {
            lines.append("left behind, as they cannot be kept here:")
            // Names come from outside; of many the first ones say enough.
            lines += skipped.prefix(100).map { "  \($0.kind) \($0.id): \(TerminalText.oneLine($0.reason))" }
            if skipped.count > 100 { lines.append("  and \(skipped.count - 100) more") }
        }
        var others = left.map { "  \($0.count) \($0.name): \($0.reason)" }
        others.append("  metrics (tsdb): their history stays behind")
        lines += ["left behind:"] + others
        return lines.map { $0 + "\n" }.joined()
    }
}

/// Shown where somebody looks on, and nowhere else.
private struct ProgressBar: Sendable {
    private let isShown = isatty(STDERR_FILENO) == 1
    private static let width = 40

    @Sendable
    func show(_ done: Int, of total: Int) {
        guard isShown, total > 0 else { return }
        let filled = Self.width * done / total
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
        StandardStream.error.write("\r[\(bar)] \(100 * done / total) %")
    }

    func end() {
        if isShown { StandardStream.error.write("\r\u{1B}[K") }
    }
}
