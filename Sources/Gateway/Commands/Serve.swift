import Arguments
import GatewayServer
import Glibc
import Logging
import MCPServer
import MonitoringTools
import Primitives
import RESTAdapter
import Settings
import Storage
import TimeZones
import Transport

/// `serve`: the gateway itself.
enum Serve {
    private static let historicalAdmin = Flag(
        "--historical-admin", help: "Give the first user the password \"admin\", as older dashboards did.")

    static let command = Command(
        "serve", "Run the gateway.",
        discussion: """
            Makes configuration and database where they are missing. The password of the first user, admin, is taken from \
            NZ_ADMIN_PASSWORD or made at random and printed once. Prints "listening on <host>:<port>" when ready.
            """,
        options: DataFiles.rows + LoggingOptions.rows + [historicalAdmin.row], work: run)

    @Sendable
    private static func run(_ given: ParsedArguments) async throws {
        Signals.ignoreBrokenPipes()
        try LoggingOptions.bootstrap(given)
        let files = try DataFiles(given)
        try await execute {
            let environment = environment
            let loaded = try ConfigurationLoader(path: files.config, environment: environment).load()
            let logger = Logger(label: "nezha-gateway")
            tell(loaded, logger)
            let handle = try SQLiteDatabase.open(path: files.database, mode: .serve, logger: logger)
            defer { handle.close() }
            let password: AccountService.FirstPassword =
                given[historicalAdmin] ? .historical : environment["NZ_ADMIN_PASSWORD"].map { .given($0) } ?? .random
            try await prepare(handle.storage, loaded.configuration, password, logger)
            let settings = YAMLSettingsStore(path: files.config, configuration: loaded.configuration)
            let composition = try await Composition(
                loaded.configuration, settings: settings, storage: handle.storage,
                dataDirectory: files.dataDirectory,
                zone: Zone.named(
                    loaded.configuration.location, folder: environment["TZDIR"] ?? "/usr/share/zoneinfo"),
                logger: logger)
            try await serve(composition, loaded.configuration, settings, logger)
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
    private static func prepare(
        _ storage: Storage, _ configuration: GatewayConfiguration, _ choice: AccountService.FirstPassword,
        _ logger: Logger
    ) async throws {
        let key = try configuration.dataKey
        let accounts = AccountService(storage: storage, dataKey: key)
        let first = try await refusing { try await accounts.createFirstAdministrator(choice) }
        if let password = first?.passwordToShow {
            if !StandardStream.output.write("administrator: admin, password (shown this once): \(password)\n") {
                logger.warning(
                    "the password of user admin could not be shown on standard output; set one with: user set-password")
            }
        }
        if first != nil, case .historical = choice {
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
            settings: settings, block: { composition.block(ip: $0) }, hasToken: composition.hasToken,
            isReady: composition.isReady, logger: logger, takers: composition.takers,
            entry: composition.router.answer)
        let server = GatewayServer(
            configuration: ListenerConfiguration(configuration), http: frontDoor.answer,
            grpcServices: [composition.agentService],
            onListening: {
                StandardStream.output.write("listening on \($0)\n")
                ProgramCode.release()
            },
            onShutdown: { await composition.endWork() }, logger: logger)
        let signals = await Signals.catching(Signals.ends)
        // Stopped from the last to the first: requests end before the audit log writes its last rows.
        let background = composition.services.map { Service($0.name, run: $0.run) }
        var listeners = [Service("listener", run: server.run, stop: server.stop)]
        if let (host, port) = configuration.metricsAddress {
            let metrics = GatewayServer(
                configuration: ListenerConfiguration(host: host, port: port),
                http: composition.metrics.handleUnguarded, grpcServices: [],
                onListening: { StandardStream.output.write("metrics on \($0)\n") }, onShutdown: {}, logger: logger)
            listeners.append(Service("metrics listener", run: metrics.run, stop: metrics.stop))
        }
        try await ServiceGroup.run(background + listeners) {
            // The second one changes nothing any more.
            for await _ in signals { return }
        }
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
