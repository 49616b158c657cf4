import GatewayServer
import Logging
import MCPServer
import Secrets
import Storage

/// The data that a command works on beside a running gateway: its configuration and its database.
struct GatewayData {
    let configuration: GatewayConfiguration
    let dataKey: SecretKey
    let storage: Storage

    /// Opens the files for the length of `work`.
    /// - Throws: ``ConfigurationError``, ``StorageError``, what `work` throws.
    static func with<Result>(
        _ files: DataFiles, _ work: (GatewayData) async throws -> Result
    ) async throws -> Result {
        let loaded = try ConfigurationLoader(path: files.config, environment: environment).load()
        let handle = try SQLiteDatabase.open(path: files.database, mode: .tool, logger: Logger(label: "nezha-gateway"))
        defer { handle.close() }
        return try await work(
            GatewayData(
                configuration: loaded.configuration, dataKey: try loaded.configuration.dataKey, storage: handle.storage)
        )
    }

    /// - Throws: ``CommandError/noSuchUser(_:)``.
    func user(named name: String) async throws -> UserRecord {
        guard let user = try await storage.users.user(named: name) else { throw CommandError.noSuchUser(name) }
        return user
    }
}

extension GatewayConfiguration {
    /// What ``dataSecretKey`` says.
    /// - Throws: for what the loader of configurations refuses.
    var dataKey: SecretKey {
        get throws { try SecretKey(bytes: Hex.decode(dataSecretKey) ?? []) }
    }
}

/// What a command cannot do; the text goes to standard error.
enum CommandError: Error, CustomStringConvertible {
    case noSuchUser(String)
    case noSuchToken(Int64)
    case noPassword
    /// Standard output took no answer.
    case unwritable
    /// A rule of the product refuses the request.
    case refused(String)

    var description: String {
        switch self {
        case .noSuchUser(let name): "no user \(name.debugDescription); start the gateway once to make the first one"
        case .noSuchToken(let id): "no token \(id)"
        case .noPassword: "no password: give it as the first line of standard input"
        case .unwritable: "standard output cannot be written; nothing was changed"
        case .refused(let text): text
        }
    }

    var exit: SystemExit {
        if case .unwritable = self { .inputOutput } else { .dataError }
    }
}
