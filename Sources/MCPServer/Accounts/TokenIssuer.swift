import Primitives
package import Secrets
package import Storage

package import struct FoundationEssentials.Date

/// Makes, lists and revokes Personal Access Tokens by the rules of `mcp.md` 8.6, for tools and the command line.
///
/// Works on the storage alone; a gateway that runs at the same time notices by the storage's revision.
package struct TokenIssuer: Sendable {
    /// What a new token shall be, as it was asked for.
    package struct Request: Sendable {
        package var name: String
        package var scopes: [String]
        package var serverIDs: [Int64]
        /// 0 means never.
        package var expiresInDays: Int64

        package init(name: String, scopes: [String], serverIDs: [Int64] = [], expiresInDays: Int64 = 0) {
            self.name = name
            self.scopes = scopes
            self.serverIDs = serverIDs
            self.expiresInDays = expiresInDays
        }
    }

    /// A new token and its secret, which is nowhere else.
    package struct Issued: Sendable {
        package let token: APITokenRecord
        package let secret: String
    }

    package static let nameLimit = 128
    package static let scopeLimit = 32
    /// Bytes; the longest scope has a third.
    private static let scopeLength = 128
    package static let serverLimit = 1000
    package static let dayLimit: Int64 = 3650
    /// Tokens of one user, expired ones included until they are deleted.
    package static let tokenLimit = 100
    private static let secretLength = 32

    private let storage: Storage
    private let dataKey: SecretKey
    private let now: @Sendable () -> Date

    /// - Parameter dataKey: keys the hashes of the secrets.
    package init(storage: Storage, dataKey: SecretKey, now: @escaping @Sendable () -> Date = { Date() }) {
        self.storage = storage
        self.dataKey = dataKey
        self.now = now
    }

    /// - Throws: ``ToolFailure/rejected(_:)`` with the text of the first rule that is broken; `StorageError`.
    package func issue(_ request: Request, for user: UserIdentity) async throws -> Issued {
        let name = try Self.checkedName(request.name)
        guard request.expiresInDays >= 0 else { throw ToolFailure.rejected("expires_in_days must be >= 0") }
        guard request.expiresInDays <= Self.dayLimit else {
            throw ToolFailure.rejected("expires_in_days too large (max 3650, i.e. 10 years)")
        }
        guard request.scopes.count <= Self.scopeLimit else {
            throw ToolFailure.rejected("too many scopes (max \(Self.scopeLimit))")
        }
        guard request.serverIDs.count <= Self.serverLimit else {
            throw ToolFailure.rejected("too many server_ids (max \(Self.serverLimit))")
        }
        let scopes = try Self.checkedScopes(request.scopes, of: user)
        let servers = try await checkedServers(request.serverIDs, of: user)
        let date = now()
        let expiry = request.expiresInDays == 0 ? nil : date.addingTimeInterval(Double(request.expiresInDays) * 86_400)
        let secret = TokenAuthenticator.prefix + SecureRandom.alphanumeric(Self.secretLength)
        var token = APITokenRecord(
            userID: user.id, name: name, tokenHash: dataKey.keyedHash(secret), scopes: scopes.map(\.rawValue),
            serverIDs: servers, expiresAt: expiry, createdAt: date, updatedAt: date)
        guard let id = try await storage.tokens.insert(token, limit: Self.tokenLimit) else {
            throw ToolFailure.rejected("too many api tokens (max \(Self.tokenLimit) per user); delete one first")
        }
        token.id = id
        return Issued(token: token, secret: secret)
    }

    /// By id, descending; `nil` for everybody's.
    package func tokens(of userID: Int64?) async throws -> [APITokenRecord] {
        try await storage.tokens.tokens(of: userID)
    }

    /// Deletes a token of the caller's, or anybody's for an administrator and the program itself.
    /// - Throws: ``ToolFailure/rejected(_:)`` `not found`, alike for an unknown id and somebody else's.
    package func revoke(id: Int64, by principal: Principal) async throws {
        guard let token = try await storage.tokens.token(id: id), principal.owns(resourceOf: token.userID),
            try await storage.tokens.delete(id: id)
        else { throw ToolFailure.rejected("not found") }
    }

    /// Gives a token of the caller's, or anybody's for an administrator, another name.
    /// - Throws: ``ToolFailure/rejected(_:)``, as ``issue(_:for:)`` for the name and ``revoke(id:by:)`` for the id.
    package func rename(id: Int64, to given: String, by principal: Principal) async throws {
        let name = try Self.checkedName(given)
        guard let token = try await storage.tokens.token(id: id), principal.owns(resourceOf: token.userID) else {
            throw ToolFailure.rejected("not found")
        }
        do {
            try await storage.tokens.rename(id, to: name)
        } catch StorageError.notFound {
            throw ToolFailure.rejected("not found")
        }
    }

    /// Brings scopes of the time before `nezha:` up to date, at every start (`mcp.md` 8.4): known ones are rewritten,
    /// other `mcp:` ones stripped, tokens that are left without any deleted.
    package func migrateLegacyScopes() async throws -> (rewritten: Int, deleted: Int) {
        var rewritten = 0
        var deleted = 0
        for token in try await storage.tokens.tokens(of: nil) where token.scopes.contains(where: Self.isLegacy) {
            let scopes = token.scopes.compactMap { scope in
                Self.isLegacy(scope) ? Scope.rewritingLegacy(scope)?.rawValue : scope
            }.unique
            if scopes.isEmpty {
                deleted += try await storage.tokens.delete(id: token.id) ? 1 : 0
            } else {
                try await storage.tokens.replaceScopes(scopes, of: token.id)
                rewritten += 1
            }
        }
        return (rewritten, deleted)
    }

    private static func isLegacy(_ scope: String) -> Bool { scope.hasPrefix("mcp:") }

    private static func checkedName(_ given: String) throws(ToolFailure) -> String {
        let name = String(given.trimmingWhitespace())
        guard !name.isEmpty else { throw .rejected("name required") }
        guard name.utf8.count <= nameLimit else {
            throw .rejected("name too long (max \(nameLimit) chars)")
        }
        return name
    }

    /// Known ones in order, each once.
    private static func checkedScopes(_ given: [String], of user: UserIdentity) throws(ToolFailure) -> [Scope] {
        var scopes: [Scope] = []
        for text in given {
            let text = String(text.trimmingWhitespace())
            if text.isEmpty { continue }
            guard text.utf8.count <= scopeLength else { throw .rejected("unknown scope: \(text.cut(toBytes: 64))") }
            let scope = Scope.rewritingLegacy(text) ?? Scope(text)
            guard Scope.issuable.contains(scope) else { throw .rejected("unknown scope: \(text.cut(toBytes: 64))") }
            if !scopes.contains(scope) { scopes.append(scope) }
        }
        guard !scopes.isEmpty else { throw .rejected("at least one scope required") }
        for scope in scopes where Scope.administratorOnly.contains(scope) && !user.isAdministrator {
            throw .rejected("only admin can issue scope: \(scope)")
        }
        return scopes
    }

    /// Existing ones in order, each once; the user's own unless they are an administrator.
    private func checkedServers(_ given: [Int64], of user: UserIdentity) async throws -> [Int64] {
        guard !given.isEmpty else { return [] }
        let owners = Dictionary(
            uniqueKeysWithValues: try await storage.servers.servers().map { ($0.id, $0.userID) })
        for id in given {
            guard id != 0 else { throw ToolFailure.rejected("server_id 0 is invalid") }
            guard let owner = owners[id] else { throw ToolFailure.rejected("server not found") }
            guard user.isAdministrator || owner == user.id else {
                throw ToolFailure.rejected("permission denied on server")
            }
        }
        return given.unique
    }
}
