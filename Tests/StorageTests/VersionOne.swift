/// A file as version 1 of the schema left it: frozen here, so that a change of a shipped migration fails a test.
enum VersionOne {
    static func create(path: String) throws {
        try execute(path, schema + content)
    }

    private static let content = """
        CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
        INSERT INTO grdb_migrations VALUES ('1-identity-and-records');
        INSERT INTO users VALUES (3, 'old', 'hash', 0, 'secret', x'0102', 0, 5, 1700000000123, 1700000001000);
        INSERT INTO api_tokens VALUES
            (9, 3, 'ci', 'h9', 'nezha:server:read, nezha:*,,', ' 4,x,,0,7', NULL, NULL, '', 1700000000000, 0),
            (10, 3, 'damaged', 'h10', 'nezha:*', 'x', NULL, NULL, '', 1700000000000, 0);
        INSERT INTO servers VALUES (4, 3, 'u', 'n', '', '', 0, 0, 0, '[1]', '{"1":["a"]}', 1700000000000, 0);
        """

    static let schema = """
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
        """
}
