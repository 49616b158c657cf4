import ArgumentParser
import Foundation
import GatewayServer
import MCPServer
import Storage

/// `token …`: Personal Access Tokens without a log-in, also while the gateway runs (`mcp.md` 8).
struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Personal Access Tokens.", subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token and print its secret, alone, on standard output.")

        @OptionGroup var files: DataFiles

        @Option(help: "What the token is for; at most 128 characters.")
        var name: String

        @Option(help: "Scopes, separated by commas, such as nezha:server:exec,nezha:inventory:read.")
        var scopes: String

        @Option(name: .customLong("server-ids"), help: "The only servers it may act on, separated by commas.")
        var serverIDs: String?

        @Option(help: "Days until it expires; 0 means never.")
        var expiresInDays: Int64 = 0

        @Option(help: "Whose rights it carries.")
        var user: String = "admin"

        func validate() throws {
            _ = try Self.ids(serverIDs)
        }

        func run() async throws {
            try await execute {
                let secret = try await GatewayData.with(files) { data in
                    let owner = try await data.user(named: user)
                    let request = TokenIssuer.Request(
                        name: name, scopes: scopes.split(separator: ",").map(String.init),
                        serverIDs: try Self.ids(serverIDs), expiresInDays: expiresInDays)
                    return try await refusing {
                        try await TokenIssuer(storage: data.storage, dataKey: data.dataKey)
                            .issue(request, for: UserIdentity(owner)).secret
                    }
                }
                print(secret)
            }
        }

        private static func ids(_ text: String?) throws -> [Int64] {
            try (text ?? "").split(separator: ",").map { part in
                guard let id = Int64(part.trimmingCharacters(in: .whitespaces)) else {
                    throw ValidationError("--server-ids: \(part.debugDescription) is no server id")
                }
                return id
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List tokens, without their secrets.")

        @OptionGroup var files: DataFiles

        @Option(help: "Only this user's.")
        var user: String?

        func run() async throws {
            try await execute {
                let rows = try await GatewayData.with(files) { data in
                    var owner: Int64?
                    if let user { owner = try await data.user(named: user).id }
                    return try await data.storage.tokens.tokens(of: owner)
                }
                print("ID\tUSER\tNAME\tSCOPES\tSERVERS\tEXPIRES\tLAST USED")
                for row in rows { print(Self.line(row)) }
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

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a token; what a running gateway does under it ends within a second.")

        @OptionGroup var files: DataFiles

        @Argument(help: "The id that `token list` shows.")
        var id: Int64

        func run() async throws {
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
