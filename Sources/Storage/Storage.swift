/// Everything that is kept on disk. One value, made once at start and handed to whoever needs a part of it.
///
/// A write that was asked for is carried out even when the asking task is cancelled meanwhile; a read ends early. Times
/// are kept to the millisecond. A NUL in a text is kept, and looked for, as U+FFFD.
package struct Storage: Sendable {
    package let users: any UserRepository
    package let servers: any ServerRepository
    package let serverTransfers: any ServerTransferRepository
    package let tokens: any APITokenRepository
    package let sessions: any SessionRepository
    package let audit: any AuditRepository
    package let strikes: any StrikeRepository
    /// Tells of changes to users, servers, groups and tokens, also by other processes.
    package let changes: any ChangeSource
    /// Everything that has a form.
    package let resources: any ResourceStore
    package private(set) var upkeep: any DatabaseUpkeep

    package init(
        users: any UserRepository, servers: any ServerRepository, serverTransfers: any ServerTransferRepository,
        tokens: any APITokenRepository,
        sessions: any SessionRepository, audit: any AuditRepository, strikes: any StrikeRepository,
        changes: any ChangeSource, resources: any ResourceStore, upkeep: any DatabaseUpkeep = NoUpkeep()
    ) {
        self.users = users
        self.servers = servers
        self.serverTransfers = serverTransfers
        self.tokens = tokens
        self.sessions = sessions
        self.audit = audit
        self.strikes = strikes
        self.changes = changes
        self.resources = resources
        self.upkeep = upkeep
    }
}

extension Storage {
    /// The same, whose upkeep tends a file of somebody else's too.
    package func tending(_ other: some DatabaseUpkeep) -> Storage {
        var storage = self
        storage.upkeep = UpkeepOfAll(parts: [upkeep, other])
        return storage
    }

    /// The rows of a form.
    package func rows<Content: Form>(of form: Content.Type) -> any ResourceRepository<Content> {
        resources.repository(of: form)
    }
}

/// Lets a running gateway notice what the command line (another process) or a later node changed.
package protocol ChangeSource: Sendable {
    /// Grows with every committed change to users, servers, groups or tokens (not by mere use of a token).
    func revision() async throws -> Int64
}
