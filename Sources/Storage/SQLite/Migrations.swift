/// The history of the schema: named steps in order. A step that was shipped never changes; add another one.
///
/// Conventions: times are Unix milliseconds; tables are STRICT, so that a column holds the type it names; AUTOINCREMENT
/// where an id must never come back (a revoked token's id is remembered, a deleted owner's id must not be inherited).
enum Migrations {
    static let identityAndRecords = "1-identity-and-records"
    static let identityRevision = "2-identity-revision"
    static let auditIndexes = "3-audit-indexes"

    /// One step: its name in the file, and what it does.
    struct Step: Sendable {
        var identifier: String
        var apply: @Sendable (Connection) throws -> Void

        init(identifier: String, apply: @escaping @Sendable (Connection) throws -> Void) {
            self.identifier = identifier
            self.apply = apply
        }

        /// Makes the table of a form.
        init<Content: Form>(creating form: Content.Type) {
            self.init(identifier: "form-\(form.table)") { try FormTable<Content>.create($0) }
        }

        /// Adds the columns of members that a form has got since its table was shipped.
        init<Content: Form>(identifier: String, extending form: Content.Type) {
            self.init(identifier: identifier) { try FormTable<Content>.extend($0) }
        }
    }

    /// - Parameter forms: those whose tables the file must have; each is one step.
    static func steps(_ forms: [any Form.Type]) -> [Step] {
        let later = extensions.filter { later in forms.contains { $0 == later.form } }
        return records + forms.map { Step(creating: $0) } + later.map(\.step)
    }

    /// Members that forms have got since their tables were shipped.
    private static let extensions: [(form: any Form.Type, step: Step)] = [
        (ServiceDayForm.self, Step(identifier: "service-days-recent", extending: ServiceDayForm.self))
    ]

    private static let records = [
        Step(identifier: identityAndRecords) { connection in
            try createIdentity(connection)
            try createServers(connection)
            try createLogs(connection)
        },
        Step(identifier: identityRevision) { try createIdentityRevision($0) },
        Step(identifier: auditIndexes) { try dropUnusedAuditIndexes($0) },
        Step(identifier: serverTransfers) { try createServerTransfers($0) },
        Step(identifier: oauth2Bindings) { try createOAuth2Bindings($0) },
    ]

    // MARK: 1

    private static func createIdentity(_ connection: Connection) throws {
        try connection.execute(
            script: """
                CREATE TABLE users (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    username TEXT NOT NULL UNIQUE,
                    password_hash TEXT NOT NULL,
                    role INTEGER NOT NULL CHECK (role IN (0, 1)),
                    agent_secret_hash TEXT NOT NULL,
                    agent_secret_sealed BLOB NOT NULL,
                    reject_password INTEGER NOT NULL,
                    token_version INTEGER NOT NULL,
                    created_at INTEGER NOT NULL,
                    updated_at INTEGER NOT NULL
                ) STRICT;
                -- An agent secret names one owner; no secret is stored as empty text.
                CREATE UNIQUE INDEX users_agent_secret_hash ON users (agent_secret_hash)
                    WHERE agent_secret_hash <> '';

                CREATE TABLE api_tokens (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                    name TEXT NOT NULL,
                    token_hash TEXT NOT NULL UNIQUE CHECK (token_hash <> ''),
                    scopes_csv TEXT NOT NULL,
                    servers_csv TEXT NOT NULL,
                    expires_at INTEGER,
                    last_used_at INTEGER,
                    last_used_ip TEXT NOT NULL,
                    created_at INTEGER NOT NULL,
                    updated_at INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX api_tokens_user_id ON api_tokens (user_id);
                CREATE INDEX api_tokens_expires_at ON api_tokens (expires_at);

                CREATE TABLE sessions (
                    id INTEGER PRIMARY KEY,
                    key_id TEXT NOT NULL UNIQUE CHECK (key_id <> ''),
                    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                    ip TEXT NOT NULL,
                    user_agent_hash TEXT NOT NULL,
                    token_version INTEGER NOT NULL,
                    expires_at INTEGER NOT NULL,
                    created_at INTEGER NOT NULL,
                    last_used_at INTEGER NOT NULL,
                    revoked_at INTEGER
                ) STRICT;
                CREATE INDEX sessions_user_id ON sessions (user_id);
                CREATE INDEX sessions_expires_at ON sessions (expires_at);
                """)
    }

    private static func createServers(_ connection: Connection) throws {
        // No reference from an owner column to users: 0 is the global secret, and groups outlive their owner.
        try connection.execute(
            script: """
                CREATE TABLE servers (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    user_id INTEGER NOT NULL,
                    uuid TEXT NOT NULL UNIQUE CHECK (uuid <> ''),
                    name TEXT NOT NULL,
                    note TEXT NOT NULL,
                    public_note TEXT NOT NULL,
                    display_index INTEGER NOT NULL,
                    hide_for_guest INTEGER NOT NULL,
                    enable_ddns INTEGER NOT NULL,
                    ddns_profiles TEXT NOT NULL,
                    override_ddns_domains TEXT NOT NULL,
                    created_at INTEGER NOT NULL,
                    updated_at INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX servers_user_id ON servers (user_id);

                CREATE TABLE server_groups (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    user_id INTEGER NOT NULL,
                    name TEXT NOT NULL,
                    created_at INTEGER NOT NULL,
                    updated_at INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX server_groups_user_id ON server_groups (user_id);

                CREATE TABLE server_group_servers (
                    group_id INTEGER NOT NULL REFERENCES server_groups (id) ON DELETE CASCADE,
                    server_id INTEGER NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
                    PRIMARY KEY (group_id, server_id)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX server_group_servers_server_id ON server_group_servers (server_id);
                """)
    }

    private static func createLogs(_ connection: Connection) throws {
        // The audit log refers to nothing: it must outlive what it tells of.
        try connection.execute(
            script: """
                CREATE TABLE mcp_audit_logs (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    created_at INTEGER NOT NULL,
                    user_id INTEGER NOT NULL,
                    token_id INTEGER NOT NULL,
                    server_id INTEGER NOT NULL,
                    tool TEXT NOT NULL,
                    origin TEXT NOT NULL,
                    request_id TEXT NOT NULL,
                    args_hash TEXT NOT NULL,
                    args_redacted TEXT NOT NULL,
                    outcome TEXT NOT NULL,
                    error_code TEXT NOT NULL,
                    error_msg TEXT NOT NULL,
                    duration_ms INTEGER NOT NULL,
                    ip TEXT NOT NULL
                ) STRICT;
                CREATE INDEX mcp_audit_logs_created_at ON mcp_audit_logs (created_at);
                CREATE INDEX mcp_audit_logs_user_id ON mcp_audit_logs (user_id);
                CREATE INDEX mcp_audit_logs_token_id ON mcp_audit_logs (token_id);
                CREATE INDEX mcp_audit_logs_server_id ON mcp_audit_logs (server_id);
                CREATE INDEX mcp_audit_logs_tool ON mcp_audit_logs (tool);
                CREATE INDEX mcp_audit_logs_outcome ON mcp_audit_logs (outcome);

                CREATE TABLE waf_strikes (
                    ip TEXT NOT NULL,
                    identifier INTEGER NOT NULL,
                    count INTEGER NOT NULL,
                    reason INTEGER NOT NULL CHECK (reason BETWEEN 1 AND 5),
                    last_at INTEGER NOT NULL,
                    PRIMARY KEY (ip, identifier)
                ) STRICT, WITHOUT ROWID;
                """)
    }

    // MARK: 2

    /// A counter that the database itself raises, so that no writer, in whichever process, can forget to.
    private static func createIdentityRevision(_ connection: Connection) throws {
        try connection.execute(
            script: """
                CREATE TABLE identity_revision (
                    id INTEGER PRIMARY KEY CHECK (id = 1),
                    revision INTEGER NOT NULL
                ) STRICT;
                INSERT INTO identity_revision (id, revision) VALUES (1, 0);
                """)
        // Not watched: updated_at, and what mere use of a token writes.
        let watched: [(table: String, columns: [String])] = [
            (
                "users",
                [
                    "username", "password_hash", "role", "agent_secret_hash", "agent_secret_sealed",
                    "reject_password", "token_version",
                ]
            ),
            (
                "servers",
                [
                    "user_id", "uuid", "name", "note", "public_note", "display_index", "hide_for_guest",
                    "enable_ddns", "ddns_profiles", "override_ddns_domains",
                ]
            ),
            ("server_groups", ["user_id", "name"]),
            ("server_group_servers", ["group_id", "server_id"]),
            ("api_tokens", ["user_id", "name", "token_hash", "scopes_csv", "servers_csv", "expires_at"]),
        ]
        let bump = "BEGIN UPDATE identity_revision SET revision = revision + 1; END"
        for (table, columns) in watched {
            let changed = columns.map { "OLD.\($0) IS NOT NEW.\($0)" }.joined(separator: " OR ")
            try connection.execute(
                script: """
                    CREATE TRIGGER \(table)_revision_insert AFTER INSERT ON \(table) \(bump);
                    CREATE TRIGGER \(table)_revision_delete AFTER DELETE ON \(table) \(bump);
                    CREATE TRIGGER \(table)_revision_update AFTER UPDATE ON \(table) WHEN \(changed) \(bump);
                    """)
        }
    }

    // MARK: 3

    /// Every call of a tool writes to each index, and no query asks for these columns alone: the log is read by user or
    /// token, newest first.
    private static func dropUnusedAuditIndexes(_ connection: Connection) throws {
        for column in ["server_id", "tool", "outcome"] {
            try connection.execute(script: "DROP INDEX mcp_audit_logs_\(column)")
        }
    }
}
