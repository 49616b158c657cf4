/// A file as the program at 43d12f6 wrote it, the last one before this engine: first start, two tokens, a server that
/// registered, calls, a log-in. Schema and rows are as `sqlite_master` and `quote()` show them; triggers come last, so
/// that filling the tables does not raise the revision. Its secrets guard nothing: their keys are gone.
enum FileOfMain {
    static func create(path: String) throws {
        try execute(path, dump)
    }

    private static let dump = """
        CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
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
        CREATE TABLE server_groups (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            user_id INTEGER NOT NULL,
            name TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE server_group_servers (
            group_id INTEGER NOT NULL REFERENCES server_groups (id) ON DELETE CASCADE,
            server_id INTEGER NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
            PRIMARY KEY (group_id, server_id)
        ) STRICT, WITHOUT ROWID;
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
        CREATE TABLE waf_strikes (
            ip TEXT NOT NULL,
            identifier INTEGER NOT NULL,
            count INTEGER NOT NULL,
            reason INTEGER NOT NULL CHECK (reason BETWEEN 1 AND 5),
            last_at INTEGER NOT NULL,
            PRIMARY KEY (ip, identifier)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE identity_revision (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            revision INTEGER NOT NULL
        ) STRICT;
        INSERT INTO grdb_migrations VALUES ('1-identity-and-records');
        INSERT INTO grdb_migrations VALUES ('2-identity-revision');
        INSERT INTO grdb_migrations VALUES ('3-audit-indexes');
        INSERT INTO users VALUES (1, 'admin',
            '$argon2id$v=19$m=65536,t=2,p=1$aM0fhKwDpFI6cNO5E7y5zQ$MeBQ0skZ/Ru0AFhqYzt12BN2RVDj4ioWSNKpSkq7IkI',
            0, '96ba653c2538045733f4062f5da23d8cbcc88ccdd393873d4a01c230efd09645',
            X'7072C3A1E70184BDD36A9DDC1300F83C6E7ABE899F9C838BEB8F968D1393FF190D180C3EB76FDED922CDA868178993F4A6CE\
        0247091BEA602D30351D7064186056F9B2581A769F50',
            0, 0, 1795954814921, 1795954814921);
        INSERT INTO api_tokens VALUES (1, 1, 'ci',
            '92d9597bf7c75f3d5c4e71cd15d6e5d8c72ad06c5eb97c3edab495435f0a36fb', 'nezha:*', '', NULL,
            1795954818458, '127.0.0.1', 1795954816414, 1795954816414);
        INSERT INTO api_tokens VALUES (2, 1, 'limited',
            'fd7ff46bd4f51ada14b1eb797527c5ef2237c776d92f5aa80a86a292db93b2cb',
            'nezha:server:exec,nezha:inventory:read', '1', 1798546818442, NULL, '', 1795954818442,
            1795954818442);
        INSERT INTO sessions VALUES (1, 'Sj5fcdXXifVdfm8pNPE2iYTYDZyI6hPr', 1, '',
            '537ba164bf05b75772ad275fe1004638c11ad59c425ca972906699a9a26ee516', 0, 1795958418000,
            1795954818563, 1795954818563, NULL);
        INSERT INTO servers VALUES (1, 0, '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'amber stone', '', '', 0, 0,
            0, '[]', '{}', 1795954816439, 1795954816439);
        INSERT INTO mcp_audit_logs VALUES (1, 1795954818458, 1, 1, 0, 'meta.whoami', 'mcp', '10809de9df0f95ef',
            '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', '', 'ok', '', '', 0,
            '127.0.0.1');
        INSERT INTO mcp_audit_logs VALUES (2, 1795954818472, 1, 1, 1, 'server.exec', 'mcp', 'd3cdc7a862b64c2a',
            'c6a4eb0b92ba1f0f444de04c3845f4079cc6441eb073b1759226152b274cbe96',
            '{"server_id":1,"cmd":{"length":7,"sha256":"56a79f3b115448072387c2480044bfa2cf8f90e4f5fddd8c943b4e051b\
        81f80b"}}',
            'agent_error', 'agent_error', 'agent_error: executable file not found', 2, '127.0.0.1');
        INSERT INTO mcp_audit_logs VALUES (3, 1795954818484, 1, 1, 9, 'server.exec', 'mcp', '4821ef345d3a263b',
            'fe03251e990d7543b928a3d24c1a8d87d094fc20db3c74e803829913f5840979',
            '{"server_id":9,"cmd":{"length":7,"sha256":"56a79f3b115448072387c2480044bfa2cf8f90e4f5fddd8c943b4e051b\
        81f80b"}}',
            'server_offline', 'server_offline', 'agent offline', 0, '127.0.0.1');
        INSERT INTO mcp_audit_logs VALUES (4, 1795954818564, 0, 0, 0, 'session.create', 'rest',
            'd36b2f4e1a07e85a', '',
            '{"username":{"length":5,"sha256":"8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918"},\
        "password":"***"}',
            'ok', '', '', 70, '127.0.0.1');
        INSERT INTO mcp_audit_logs VALUES (5, 1795954818642, 0, 0, 0, 'session.create', 'rest',
            'ad76bbb53aa49d3d', '',
            '{"username":{"length":5,"sha256":"8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918"},\
        "password":"***"}',
            'unauthenticated', 'unauthenticated', 'login failed', 65, '127.0.0.1');
        DELETE FROM sqlite_sequence;
        INSERT INTO sqlite_sequence VALUES ('users', 1);
        INSERT INTO sqlite_sequence VALUES ('api_tokens', 2);
        INSERT INTO sqlite_sequence VALUES ('servers', 1);
        INSERT INTO sqlite_sequence VALUES ('mcp_audit_logs', 5);
        INSERT INTO identity_revision VALUES (1, 4);
        CREATE UNIQUE INDEX users_agent_secret_hash ON users (agent_secret_hash)
            WHERE agent_secret_hash <> '';
        CREATE INDEX api_tokens_user_id ON api_tokens (user_id);
        CREATE INDEX api_tokens_expires_at ON api_tokens (expires_at);
        CREATE INDEX sessions_user_id ON sessions (user_id);
        CREATE INDEX sessions_expires_at ON sessions (expires_at);
        CREATE INDEX servers_user_id ON servers (user_id);
        CREATE INDEX server_groups_user_id ON server_groups (user_id);
        CREATE INDEX server_group_servers_server_id ON server_group_servers (server_id);
        CREATE INDEX mcp_audit_logs_created_at ON mcp_audit_logs (created_at);
        CREATE INDEX mcp_audit_logs_user_id ON mcp_audit_logs (user_id);
        CREATE INDEX mcp_audit_logs_token_id ON mcp_audit_logs (token_id);
        CREATE TRIGGER users_revision_insert AFTER INSERT ON users BEGIN UPDATE identity_revision SET revision = \
        revision + 1; END;
        CREATE TRIGGER users_revision_delete AFTER DELETE ON users BEGIN UPDATE identity_revision SET revision = \
        revision + 1; END;
        CREATE TRIGGER users_revision_update AFTER UPDATE ON users WHEN OLD.username IS NOT NEW.username OR \
        OLD.password_hash IS NOT NEW.password_hash OR OLD.role IS NOT NEW.role OR OLD.agent_secret_hash IS NOT \
        NEW.agent_secret_hash OR OLD.agent_secret_sealed IS NOT NEW.agent_secret_sealed OR OLD.reject_password IS \
        NOT NEW.reject_password OR OLD.token_version IS NOT NEW.token_version BEGIN UPDATE identity_revision SET \
        revision = revision + 1; END;
        CREATE TRIGGER servers_revision_insert AFTER INSERT ON servers BEGIN UPDATE identity_revision SET \
        revision = revision + 1; END;
        CREATE TRIGGER servers_revision_delete AFTER DELETE ON servers BEGIN UPDATE identity_revision SET \
        revision = revision + 1; END;
        CREATE TRIGGER servers_revision_update AFTER UPDATE ON servers WHEN OLD.user_id IS NOT NEW.user_id OR \
        OLD.uuid IS NOT NEW.uuid OR OLD.name IS NOT NEW.name OR OLD.note IS NOT NEW.note OR OLD.public_note IS \
        NOT NEW.public_note OR OLD.display_index IS NOT NEW.display_index OR OLD.hide_for_guest IS NOT \
        NEW.hide_for_guest OR OLD.enable_ddns IS NOT NEW.enable_ddns OR OLD.ddns_profiles IS NOT \
        NEW.ddns_profiles OR OLD.override_ddns_domains IS NOT NEW.override_ddns_domains BEGIN UPDATE \
        identity_revision SET revision = revision + 1; END;
        CREATE TRIGGER server_groups_revision_insert AFTER INSERT ON server_groups BEGIN UPDATE identity_revision \
        SET revision = revision + 1; END;
        CREATE TRIGGER server_groups_revision_delete AFTER DELETE ON server_groups BEGIN UPDATE identity_revision \
        SET revision = revision + 1; END;
        CREATE TRIGGER server_groups_revision_update AFTER UPDATE ON server_groups WHEN OLD.user_id IS NOT \
        NEW.user_id OR OLD.name IS NOT NEW.name BEGIN UPDATE identity_revision SET revision = revision + 1; END;
        CREATE TRIGGER server_group_servers_revision_insert AFTER INSERT ON server_group_servers BEGIN UPDATE \
        identity_revision SET revision = revision + 1; END;
        CREATE TRIGGER server_group_servers_revision_delete AFTER DELETE ON server_group_servers BEGIN UPDATE \
        identity_revision SET revision = revision + 1; END;
        CREATE TRIGGER server_group_servers_revision_update AFTER UPDATE ON server_group_servers WHEN \
        OLD.group_id IS NOT NEW.group_id OR OLD.server_id IS NOT NEW.server_id BEGIN UPDATE identity_revision SET \
        revision = revision + 1; END;
        CREATE TRIGGER api_tokens_revision_insert AFTER INSERT ON api_tokens BEGIN UPDATE identity_revision SET \
        revision = revision + 1; END;
        CREATE TRIGGER api_tokens_revision_delete AFTER DELETE ON api_tokens BEGIN UPDATE identity_revision SET \
        revision = revision + 1; END;
        CREATE TRIGGER api_tokens_revision_update AFTER UPDATE ON api_tokens WHEN OLD.user_id IS NOT NEW.user_id \
        OR OLD.name IS NOT NEW.name OR OLD.token_hash IS NOT NEW.token_hash OR OLD.scopes_csv IS NOT \
        NEW.scopes_csv OR OLD.servers_csv IS NOT NEW.servers_csv OR OLD.expires_at IS NOT NEW.expires_at BEGIN \
        UPDATE identity_revision SET revision = revision + 1; END;
        """
}
