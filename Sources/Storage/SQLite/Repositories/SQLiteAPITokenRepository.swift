import Foundation
import GRDB

struct SQLiteAPITokenRepository: APITokenRepository {
    let connection: SQLiteConnection

    private typealias Columns = APITokenRow.Columns

    func insert(_ token: APITokenRecord) async throws -> Int64 {
        try await connection.write { try Self.insert(token, $0) }
    }

    func insert(_ token: APITokenRecord, limit: Int) async throws -> Int64? {
        try await connection.write { db in
            let count = try APITokenRow.filter { _ in Columns.userID == token.userID }.fetchCount(db)
            return count < limit ? try Self.insert(token, db) : nil
        }
    }

    private static func insert(_ token: APITokenRecord, _ db: Database) throws -> Int64 {
        if token.tokenHash.isEmpty { throw StorageError.failed("a token needs a hash") }
        var row = APITokenRow(token)
        row.record.id = 0
        try row.insert(db)
        return db.lastInsertedRowID
    }

    func token(id: Int64) async throws -> APITokenRecord? {
        try await connection.read { try APITokenRow.fetchOne($0, key: id)?.record }
    }

    func token(hash: String) async throws -> APITokenRecord? {
        try await connection.read { db in
            try APITokenRow.filter { _ in Columns.tokenHash == hash.storable }.fetchOne(db)?.record
        }
    }

    func tokens(of userID: Int64?) async throws -> [APITokenRecord] {
        try await connection.read { db in
            var request = APITokenRow.order(Columns.id.desc)
            if let userID { request = request.filter { _ in Columns.userID == userID } }
            return try request.fetchAll(db).map(\.record)
        }
    }

    func delete(id: Int64) async throws -> Bool {
        try await connection.write { try APITokenRow.deleteOne($0, key: id) }
    }

    func deleteExpired(before date: Date) async throws -> Int {
        try await connection.write { db in
            try APITokenRow.filter { _ in Columns.expiresAt < date.storedMilliseconds }.deleteAll(db)
        }
    }

    func touch(id: Int64, usedAt: Date, ip: String) async throws {
        try await connection.write { db in
            _ = try APITokenRow.filter(key: id).updateAll(
                db, Columns.lastUsedAt.set(to: usedAt.storedMilliseconds), Columns.lastUsedIP.set(to: ip.storable))
        }
    }

    func replaceScopes(_ scopes: [String], of id: Int64) async throws {
        let now = Date()
        let text = try ColumnList.csv(scopes: scopes)
        try await connection.write { db in
            let count = try APITokenRow.filter(key: id).updateAll(
                db, Columns.scopes.set(to: text), Columns.updatedAt.set(to: now.storedMilliseconds))
            if count == 0 { throw StorageError.notFound }
        }
    }
}
