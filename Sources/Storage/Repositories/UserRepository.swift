/// Users (`rest.md` 2 and 4).
package protocol UserRepository: Sendable {
    /// - Returns: the new id.
    /// - Throws: ``StorageError/duplicate(field:)`` for a taken `username`.
    func insert(_ user: UserRecord) async throws -> Int64
    /// Replaces every column but `id` and `createdAt`; the token version never goes down.
    func update(_ user: UserRecord) async throws
    func user(id: Int64) async throws -> UserRecord?
    func user(named username: String) async throws -> UserRecord?
    /// `nil` for an empty hash.
    func user(agentSecretHash: String) async throws -> UserRecord?
    /// All, by id.
    func users() async throws -> [UserRecord]
    func count() async throws -> Int
    /// Sets password hash and flags, raises the token version and revokes all sessions, in one transaction.
    /// - Throws: ``StorageError/failed(_:)`` when log-in by password shall be refused and no binding is there: nobody could
    ///   log in.
    func setPassword(_ hash: String, rejectPassword: Bool?, username: String?, for id: Int64) async throws
    /// Writes the same password in another hash; log-ins and the time of the last change stay. Does nothing when the hash is
    /// not `old` any more.
    func replacePasswordHash(_ old: String, by new: String, for id: Int64) async throws
    /// Deletes users with their servers, tokens, sessions and bindings, in one transaction. What else they own stays.
    /// - Returns: the ids of the deleted servers and tokens; nothing is there for an unknown id.
    func delete(ids: [Int64]) async throws -> (servers: [Int64], tokens: [Int64])

    /// Lets whoever is `openID` at the provider log in as the user; nothing changes where that is so already.
    /// - Throws: ``StorageError/notFound`` for an unknown user.
    func bind(_ binding: OAuth2Binding, to id: Int64) async throws
    /// Takes back all bindings of a user to a provider.
    func unbind(provider: String, from id: Int64) async throws -> OAuth2Unbinding
    /// The bindings of a user, oldest first.
    func bindings(of id: Int64) async throws -> [OAuth2Binding]
    /// The user who was bound to this identity first.
    func user(boundTo binding: OAuth2Binding) async throws -> UserRecord?
}
