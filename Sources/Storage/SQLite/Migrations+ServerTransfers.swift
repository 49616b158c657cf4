extension Migrations {
    static let serverTransfers = "4-server-transfers"

    /// Hand-overs of servers. The history outlives servers and users, so it refers to neither; what is pending of theirs
    /// is cancelled where they are deleted, whoever deletes them.
    static func createServerTransfers(_ connection: Connection) throws {
        try connection.execute(
            script: """
                CREATE TABLE server_transfers (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    server_id INTEGER NOT NULL,
                    from_user_id INTEGER NOT NULL,
                    to_user_id INTEGER NOT NULL,
                    initiator_id INTEGER NOT NULL,
                    status INTEGER NOT NULL CHECK (status BETWEEN 0 AND 4),
                    last_error TEXT NOT NULL,
                    acked_at INTEGER,
                    forward_hash TEXT NOT NULL,
                    forward_sealed BLOB NOT NULL,
                    revert_hash TEXT NOT NULL,
                    revert_sealed BLOB NOT NULL,
                    created_at INTEGER NOT NULL,
                    updated_at INTEGER NOT NULL
                ) STRICT;
                -- One pending transfer a server, however many ask at once.
                CREATE UNIQUE INDEX server_transfers_pending ON server_transfers (server_id) WHERE status = 0;
                CREATE INDEX server_transfers_from_user_id ON server_transfers (from_user_id);
                CREATE INDEX server_transfers_to_user_id ON server_transfers (to_user_id);
                CREATE INDEX server_transfers_initiator_id ON server_transfers (initiator_id);

                CREATE TRIGGER server_transfers_server_deleted AFTER DELETE ON servers BEGIN
                    UPDATE server_transfers
                        SET status = 4, last_error = 'server deleted',
                            updated_at = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
                        WHERE server_id = OLD.id AND status = 0;
                END;
                CREATE TRIGGER server_transfers_user_deleted AFTER DELETE ON users BEGIN
                    UPDATE server_transfers
                        SET status = 4, last_error = 'user deleted',
                            updated_at = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
                        WHERE status = 0 AND OLD.id IN (from_user_id, to_user_id);
                END;
                """)
    }
}
