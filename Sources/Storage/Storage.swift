/// Everything that is kept on disk. One value, made once at start and handed to whoever needs a part of it.
///
/// A write that was asked for is carried out even when the asking task is cancelled meanwhile; a read ends early. Times
/// are kept to the millisecond. A NUL in a text is kept, and looked for, as U+FFFD.
public struct Storage: Sendable {
    public let users: any UserRepository
    public let servers: any ServerRepository
    public let tokens: any APITokenRepository
    public let sessions: any SessionRepository
    public let audit: any AuditRepository
    public let strikes: any StrikeRepository
    /// Tells of changes to users, servers, groups and tokens, also by other processes.
    public let changes: any ChangeSource

    public init(
        users: any UserRepository, servers: any ServerRepository, tokens: any APITokenRepository,
        sessions: any SessionRepository, audit: any AuditRepository, strikes: any StrikeRepository,
        changes: any ChangeSource
    ) {
        self.users = users
        self.servers = servers
        self.tokens = tokens
        self.sessions = sessions
        self.audit = audit
        self.strikes = strikes
        self.changes = changes
    }
}

/// Lets a running gateway notice what the command line (another process) or a later node changed.
public protocol ChangeSource: Sendable {
    /// Grows with every committed change to users, servers, groups or tokens (not by mere use of a token).
    func revision() async throws -> Int64
}
