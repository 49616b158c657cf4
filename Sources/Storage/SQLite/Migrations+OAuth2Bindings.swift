extension Migrations {
    static let oauth2Bindings = "5-oauth2-bindings"

    /// Identities at providers. One may belong to several users, as older dashboards allowed; the first of them is who logs
    /// in with it.
    static func createOAuth2Bindings(_ connection: Connection) throws {
        try connection.execute(
            script: """
                CREATE TABLE oauth2_bindings (
                    id INTEGER PRIMARY KEY,
                    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                    provider TEXT NOT NULL CHECK (provider <> ''),
                    open_id TEXT NOT NULL CHECK (open_id <> ''),
                    UNIQUE (user_id, provider, open_id)
                ) STRICT;
                CREATE INDEX oauth2_bindings_identity ON oauth2_bindings (provider, open_id);
                """)
    }
}
