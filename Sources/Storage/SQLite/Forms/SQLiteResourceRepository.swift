import Synchronization

import struct FoundationEssentials.Date

/// The rows of one form in one table.
final class SQLiteResourceRepository<Content: Form>: ResourceRepository {
    private let database: SQLiteConnection
    private let table = FormTable<Content>()
    private let changes = ChangeQueue()
    private let observers = Mutex<[@Sendable (FormChange<Content>) async -> Void]>([])

    init(database: SQLiteConnection) { self.database = database }

    func insert(_ form: Content, owner: Int64, at date: Date) async throws -> Owned<Content> {
        try await change { [table] connection in
            try Self.insert(form, owner, date, table, connection)
        } telling: {
            [.saved($0)]
        }
    }

    func insert(_ form: Content, owner: Int64, at date: Date, limit: Int) async throws -> Owned<Content>? {
        try await change { [table] connection in
            let count = try connection.integers(
                "SELECT count(*) FROM \(Content.table) WHERE user_id = ?", .integer(owner))
            guard count.allSatisfy({ $0 < limit }) else { return nil }
            return try Self.insert(form, owner, date, table, connection)
        } telling: {
            $0.map { [.saved($0)] } ?? []
        }
    }

    func save(_ forms: [(id: Int64?, form: Content, at: Date)], owner: Int64) async throws -> [Int64] {
        // Only observers want to see the rows again.
        let isObserved = observers.withLock { !$0.isEmpty }
        return try await change { [table] connection in
            let ids = try forms.map { id, form, date in
                guard let id else { return try Self.insertedID(form, owner, date, table, connection) }
                let values = [.date(date)] + (try table.values(of: form)) + [.integer(id)]
                guard try connection.run(table.update, values) == 1 else { throw StorageError.notFound }
                try table.setList(form, of: id, connection)
                return id
            }
            return (ids: ids, rows: isObserved ? try ids.map { try Self.row($0, table, connection) } : [])
        } telling: {
            $0.rows.map { .saved($0) }
        }.ids
    }

    func all() async throws -> [Owned<Content>] {
        try await database.read { [table] in try table.rows($0) }
    }

    func find(id: Int64) async throws -> Owned<Content>? {
        try await database.read { [table] in try table.rows($0, id: id).first }
    }

    @discardableResult
    func update(
        id: Int64, _ change: @escaping @Sendable (inout Owned<Content>) throws -> Void
    ) async throws -> Owned<Content> {
        try await self.change { [table] connection in
            var row = try Self.row(id, table, connection)
            do { try change(&row) } catch { throw Refused(reason: error) }
            let values = [.date(row.updatedAt)] + (try table.values(of: row.form)) + [.integer(id)]
            try connection.run(table.update, values)
            try table.setList(row.form, of: id, connection)
            return try Self.row(id, table, connection)
        } telling: {
            [.saved($0)]
        }
    }

    @discardableResult
    func delete(
        ids: [Int64], _ check: @escaping @Sendable (Owned<Content>) throws -> Void
    ) async throws -> [Int64] {
        try await change { [table] connection in
            var found: [Int64] = []
            for id in Set(ids).sorted() {
                guard let row = try table.rows(connection, id: id).first else { continue }
                do { try check(row) } catch { throw Refused(reason: error) }
                found.append(id)
            }
            for id in found { try connection.run("DELETE FROM \(Content.table) WHERE id = ?", .integer(id)) }
            return found
        } telling: {
            $0.isEmpty ? [] : [.deleted($0)]
        }
    }

    func observe(_ observer: @escaping @Sendable (FormChange<Content>) async -> Void) {
        observers.withLock { $0.append(observer) }
    }

    private static func insert(
        _ form: Content, _ owner: Int64, _ date: Date, _ table: FormTable<Content>, _ connection: Connection
    ) throws -> Owned<Content> {
        try row(try insertedID(form, owner, date, table, connection), table, connection)
    }

    private static func insertedID(
        _ form: Content, _ owner: Int64, _ date: Date, _ table: FormTable<Content>, _ connection: Connection
    ) throws -> Int64 {
        let values = [.integer(owner), .date(date), .date(date)] + (try table.values(of: form))
        try connection.run(table.insertion, values)
        let id = connection.lastInsertedID
        try table.setList(form, of: id, connection)
        return id
    }

    private static func row(_ id: Int64, _ table: FormTable<Content>, _ connection: Connection) throws -> Owned<Content>
    {
        guard let row = try table.rows(connection, id: id).first else { throw StorageError.notFound }
        return row
    }

    private func change<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws -> Value,
        telling events: @escaping @Sendable (Value) -> [FormChange<Content>]
    ) async throws -> Value {
        try await changes.run { [self] in
            let value = try await database.write(body)
            for event in events(value) {
                for observer in observers.withLock({ $0 }) { await observer(event) }
            }
            return value
        }
    }
}

/// Work that is done one after the other, in the order it was asked for.
private final class ChangeQueue: Sendable {
    private let last = Mutex<Task<Void, Never>?>(nil)

    func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let task = last.withLock { last in
            let previous = last
            let task = Task {
                await previous?.value
                return try await body()
            }
            last = Task { _ = await task.result }
            return task
        }
        return try await task.value
    }
}

/// One repository for each form.
final class SQLiteResourceStore: ResourceStore {
    private let database: SQLiteConnection
    private let repositories = Mutex<[ObjectIdentifier: any Sendable]>([:])

    init(database: SQLiteConnection) { self.database = database }

    func repository<Content: Form>(of form: Content.Type) -> any ResourceRepository<Content> {
        repositories.withLock { known in
            if let found = known[ObjectIdentifier(form)] as? SQLiteResourceRepository<Content> { return found }
            let made = SQLiteResourceRepository<Content>(database: database)
            known[ObjectIdentifier(form)] = made
            return made
        }
    }
}
