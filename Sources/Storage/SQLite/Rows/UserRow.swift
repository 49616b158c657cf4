import Foundation
import GRDB

/// Table `users`.
struct UserRow: FetchableRecord, PersistableRecord {
    static let databaseTableName = "users"

    enum Columns {
        static let id = Column("id")
        static let username = Column("username")
        static let passwordHash = Column("password_hash")
        static let role = Column("role")
        static let agentSecretHash = Column("agent_secret_hash")
        static let agentSecretSealed = Column("agent_secret_sealed")
        static let rejectPassword = Column("reject_password")
        static let tokenVersion = Column("token_version")
        static let createdAt = Column("created_at")
        static let updatedAt = Column("updated_at")
    }

    var record: UserRecord

    init(_ record: UserRecord) {
        self.record = record
    }

    init(row: Row) throws {
        let sealed: Data = try row.value(Columns.agentSecretSealed)
        record = UserRecord(
            id: try row.value(Columns.id),
            username: try row.value(Columns.username),
            passwordHash: try row.value(Columns.passwordHash),
            role: try row.choice(Columns.role),
            agentSecretHash: try row.value(Columns.agentSecretHash),
            agentSecretSealed: Array(sealed),
            rejectPassword: try row.value(Columns.rejectPassword),
            tokenVersion: try row.value(Columns.tokenVersion),
            createdAt: try row.date(Columns.createdAt),
            updatedAt: try row.date(Columns.updatedAt))
    }

    func encode(to container: inout PersistenceContainer) {
        container[Columns.id] = record.id == 0 ? nil : record.id
        container[Columns.username] = record.username.storable
        container[Columns.passwordHash] = record.passwordHash.storable
        container[Columns.role] = record.role.rawValue
        container[Columns.agentSecretHash] = record.agentSecretHash.storable
        container[Columns.agentSecretSealed] = Data(record.agentSecretSealed)
        container[Columns.rejectPassword] = record.rejectPassword
        container[Columns.tokenVersion] = record.tokenVersion
        container[Columns.createdAt] = record.createdAt.storedMilliseconds
        container[Columns.updatedAt] = record.updatedAt.storedMilliseconds
    }
}
