import Foundation
import GRDB

struct SQLiteSessionRepository: SessionRepository {
    let connection: SQLiteConnection

    private typealias Columns = SessionRow.Columns

    func insert(_ session: SessionRecord) async throws -> Int64 {
        if session.keyID.isEmpty { throw StorageError.failed("a session needs a key id") }
        return try await connection.write { db in
            var row = SessionRow(session)
            row.record.id = 0
            try row.insert(db)
            return db.lastInsertedRowID
        }
    }

    func session(keyID: String) async throws -> SessionRecord? {
        try await connection.read { db in
            try SessionRow.filter { _ in Columns.keyID == keyID.storable }.fetchOne(db)?.record
        }
    }

    func extend(keyID: String, until: Date, usedAt: Date) async throws {
        try await connection.write { db in
            // A session revoked while its refresh was under way stays what it is.
            let count =
                try SessionRow
                .filter { _ in Columns.keyID == keyID.storable && Columns.revokedAt == nil }
                .updateAll(
                    db, Columns.expiresAt.set(to: until.storedMilliseconds),
                    Columns.lastUsedAt.set(to: usedAt.storedMilliseconds))
            if count == 0 { throw StorageError.notFound }
        }
    }

    func touch(keyID: String, usedAt: Date) async throws {
        try await connection.write { db in
            _ = try SessionRow.filter { _ in Columns.keyID == keyID.storable }
                .updateAll(db, Columns.lastUsedAt.set(to: usedAt.storedMilliseconds))
        }
    }

    func revoke(keyID: String, at date: Date) async throws {
        try await connection.write { db in
            _ = try SessionRow.filter { _ in Columns.keyID == keyID.storable && Columns.revokedAt == nil }
                .updateAll(db, Columns.revokedAt.set(to: date.storedMilliseconds))
        }
    }

    func purge(now: Date) async throws -> Int {
        let expired = now.addingTimeInterval(-3600).storedMilliseconds
        let revoked = now.addingTimeInterval(-86400).storedMilliseconds
        return try await connection.write { db in
            try SessionRow.filter { _ in Columns.expiresAt < expired || Columns.revokedAt < revoked }.deleteAll(db)
        }
    }
}
