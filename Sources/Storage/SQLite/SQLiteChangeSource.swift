struct SQLiteChangeSource: ChangeSource {
    let database: SQLiteConnection

    func revision() async throws -> Int64 {
        try await database.readInPlace { connection in
            guard let revision = try connection.integers("SELECT revision FROM identity_revision").first else {
                throw StorageError.failed("identity_revision is empty")
            }
            return revision
        }
    }
}
