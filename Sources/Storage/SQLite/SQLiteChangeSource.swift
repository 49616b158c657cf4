import GRDB

struct SQLiteChangeSource: ChangeSource {
    let connection: SQLiteConnection

    func revision() async throws -> Int64 {
        try await connection.read { db in
            let statement = try db.cachedStatement(sql: "SELECT revision FROM identity_revision")
            guard let revision = try Int64.fetchOne(statement) else {
                throw StorageError.failed("identity_revision is empty")
            }
            return revision
        }
    }
}
