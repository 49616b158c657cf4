import AgentLink
import ArgumentParser
import Foundation
import GatewayServer
import Logging
import MCPServer
import Secrets
import ServiceLifecycle
import Storage
import UnixSignals

/// `serve`: the gateway itself.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the gateway.",
        discussion: """
            Makes configuration and database where they are missing. The password of the first user, admin, is taken from \
            NZ_ADMIN_PASSWORD or made at random and printed once. Prints "listening on <host>:<port>" when ready.
            """)

    @OptionGroup var files: DataFiles
    @OptionGroup var logging: LoggingOptions

    @Flag(help: "Give the first user the password \"admin\", as older dashboards did.")
    var historicalAdmin = false

    func run() async throws {
        logging.bootstrap()
        try await execute {
            let environment = ProcessInfo.processInfo.environment
            let loaded = try ConfigurationLoader(path: files.config, environment: environment).load()
            let logger = Logger(label: "nezha-gateway")
            Self.tell(loaded, logger)
            let handle = try SQLiteDatabase.open(path: files.database, mode: .serve, logger: logger)
            defer { handle.close() }
            try await prepare(handle.storage, loaded.configuration, environment["NZ_ADMIN_PASSWORD"], logger)
            let settings = YAMLSettingsStore(path: files.config, configuration: loaded.configuration)
            let composition = try await Composition(
                loaded.configuration, settings: settings, storage: handle.storage,
                spoolDirectory: URL(filePath: files.database).deletingLastPathComponent().path, logger: logger)
            try await Self.serve(composition, loaded.configuration, settings, logger)
        }
    }

    /// Names only: values may be secrets.
    private static func tell(_ loaded: LoadedConfiguration, _ logger: Logger) {
        func log(_ level: Logger.Level, _ text: Logger.Message, _ keys: [String]) {
            guard !keys.isEmpty else { return }
            logger.log(level: level, text, metadata: ["keys": "\(keys.joined(separator: " "))"])
        }
        log(.warning, "configuration keys that are not known are kept", loaded.unknownKeys)
        log(.info, "configuration keys taken from the environment", loaded.fromEnvironment)
        log(.info, "configuration keys that were missing are random now and saved", loaded.generatedKeys)
    }

    /// The first user, and what older versions left in the database.
    private func prepare(
        _ storage: Storage, _ configuration: GatewayConfiguration, _ given: String?, _ logger: Logger
    ) async throws {
        let key = try SecretKey(bytes: Hex.decode(configuration.dataSecretKey) ?? [])
        let accounts = AccountService(storage: storage, dataKey: key)
        let choice: AccountService.FirstPassword =
            historicalAdmin ? .historical : given.map { .given($0) } ?? .random
        let first = try await refusing { try await accounts.createFirstAdministrator(choice) }
        if let password = first?.passwordToShow {
            StandardOutput.line("administrator: admin, password (shown this once): \(password)")
        }
        if first != nil, historicalAdmin {
            logger.warning("user admin has the password admin; change it before anybody else can reach the port")
        }
        do {
            let (rewritten, deleted) = try await TokenIssuer(storage: storage, dataKey: key).migrateLegacyScopes()
            if rewritten + deleted > 0 {
                logger.notice(
                    "scopes of older versions replaced",
                    metadata: ["rewritten": "\(rewritten)", "deleted": "\(deleted)"])
            }
        } catch {
            logger.error("scopes of older versions not replaced", metadata: ["error": "\(error)"])
        }
    }

    private static func serve(
        _ composition: Composition, _ configuration: GatewayConfiguration, _ settings: any SettingsStore,
        _ logger: Logger
    ) async throws {
        let frontDoor = FrontDoor(
            settings: settings, isBlocked: { composition.strikes.isBlocked(ip: $0) }, logger: logger,
            entry: composition.answer)
        let server = GatewayServer(
            configuration: ListenerConfiguration(configuration), http: frontDoor.answer,
            grpcServices: [composition.agentService],
            onListening: { StandardOutput.line("listening on \($0)") },
            onShutdown: { await composition.endWork() }, logger: logger)
        // Stopped from the last to the first: requests end before the audit log writes its last rows.
        let services: [any Service] = [
            Background(composition.audit.run), Background(composition.strikes.run),
            Background(composition.housekeeper.run), Background(composition.watcher.run), server,
        ]
        try await ServiceGroup(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger.quieted()
        ).run()
    }
}

/// Work that goes on until the program ends, and is cancelled then.
private struct Background: Service {
    private let work: @Sendable () async -> Void

    init(_ work: @escaping @Sendable () async -> Void) { self.work = work }

    func run() async throws {
        await cancelWhenGracefulShutdown { await work() }
    }
}

extension ListenerConfiguration {
    fileprivate init(_ configuration: GatewayConfiguration) {
        let https = configuration.https
        self.init(
            host: configuration.settings.listenHost, port: configuration.listenPort,
            tls: https.listenPort == 0
                ? nil : TLS(port: https.listenPort, certificatePath: https.certificatePath, keyPath: https.keyPath))
    }
}

/// Standard output, unbuffered: whoever started the program waits for these lines.
enum StandardOutput {
    static func line(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }
}
