import Arguments
import FoundationEssentials
import GatewayServer
import MCPServer
import Primitives
import Storage

/// `token …`: Personal Access Tokens without a log-in, also while the gateway runs (`mcp.md` 8).
enum Token {
    static let command = Command(
        "token", "Personal Access Tokens.", subcommands: [Create.command, List.command, Revoke.command])

    private enum Create {
        private static let name = Option(
            "--name", help: "What the token is for; at most 128 characters.", isRequired: true)
        private static let scopes = Option(
            "--scopes", help: "Scopes, separated by commas, such as nezha:server:exec,nezha:inventory:read.",
            isRequired: true)
        private static let serverIDs = Option(
            "--server-ids", help: "The only servers it may act on, separated by commas.")
        private static let expiresInDays = Option<Int64>(
            "--expires-in-days", help: "Days until it expires; 0 means never.", default: 0, read: { Int64($0) })
        private static let user = Option("--user", help: "Whose rights it carries.", default: "admin")

        static let command = Command(
            "create", "Make a token and print its secret, alone, on standard output.",
            options: DataFiles.rows + [name.row, scopes.row, serverIDs.row, expiresInDays.row, user.row],
            validate: { _ = try ids($0[serverIDs]) }, work: run)

        @Sendable
        private static func run(_ given: ParsedArguments) async throws {
            let user = try given.value(user)
            let request = TokenIssuer.Request(
                name: try given.value(name), scopes: try given.value(scopes).split(separator: ",").map(String.init),
                serverIDs: try ids(given[serverIDs]), expiresInDays: try given.value(expiresInDays))
            let files = try DataFiles(given)
            try await execute {
                try await GatewayData.with(files) { data in
                    let owner = try await data.user(named: user)
                    let issued = try await refusing {
                        try await TokenIssuer(storage: data.storage, dataKey: data.dataKey)
                            .issue(request, for: UserIdentity(owner))
                    }
                    do {
                        try StandardStream.output.answer(issued.secret + "\n")
                    } catch {
                        // Nobody knows its secret, and nobody could tell it from one that is used.
                        _ = try await data.storage.tokens.delete(id: issued.token.id)
                        throw error
                    }
                }
            }
        }

        private static func ids(_ text: String?) throws -> [Int64] {
            try (text ?? "").split(separator: ",").map { part in
                guard let id = Int64(part.trimmingBlanks()) else {
                    throw UsageError("--server-ids: \(part.debugDescription) is no server id")
                }
                return id
            }
        }
    }

    private enum List {
        private static let user = Option("--user", help: "Only this user's.")

        static let command = Command(
            "list", "List tokens, without their secrets.", options: DataFiles.rows + [user.row], work: run)

        @Sendable
        private static func run(_ given: ParsedArguments) async throws {
            let files = try DataFiles(given)
            try await execute {
                let rows = try await GatewayData.with(files) { data in
                    var owner: Int64?
                    if let user = given[user] { owner = try await data.user(named: user).id }
                    return try await data.storage.tokens.tokens(of: owner)
                }
                let lines = ["ID\tUSER\tNAME\tSCOPES\tSERVERS\tEXPIRES\tLAST USED"] + rows.map(line)
                try StandardStream.output.answer(lines.map { $0 + "\n" }.joined())
            }
        }

        private static func line(_ token: APITokenRecord) -> String {
            let columns = [
                String(token.id), String(token.userID), token.name, token.scopes.joined(separator: ","),
                token.serverIDs.isEmpty ? "all" : token.serverIDs.map(String.init).joined(separator: ","),
                token.expiresAt?.ISO8601Format() ?? "never", token.lastUsedAt?.ISO8601Format() ?? "never",
            ]
            return columns.map(TerminalText.oneLine).joined(separator: "\t")
        }
    }

    private enum Revoke {
        private static let id = Positional<Int64>("id", help: "The id that `token list` shows.", read: { Int64($0) })

        static let command = Command(
            "revoke", "Revoke a token; what a running gateway does under it ends within a second.",
            options: DataFiles.rows, positionals: [id.row], work: run)

        @Sendable
        private static func run(_ given: ParsedArguments) async throws {
            let id = try given.value(id)
            let files = try DataFiles(given)
            try await execute {
                let existed = try await GatewayData.with(files) { try await $0.storage.tokens.delete(id: id) }
                guard existed else { throw CommandError.noSuchToken(id) }
            }
        }
    }
}

/// Turns the core's refusals into a text for the terminal.
func refusing<Result>(_ work: () async throws -> Result) async throws -> Result {
    do {
        return try await work()
    } catch let failure as ToolFailure {
        throw CommandError.refused(failure.message)
    } catch let error as AccountError {
        throw CommandError.refused(error.description)
    }
}
