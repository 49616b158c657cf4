import CSQLite

extension SQLiteHandle {
    /// Brings the data of a Nezha dashboard into this database, which must be empty, in one transaction.
    /// - Parameters:
    ///   - path: its `sqlite.db`, absolute; only read.
    ///   - progress: how many rows of how many have been looked at; called on the database's thread.
    /// - Throws: ``ImportError``, ``StorageError``; nothing was written then.
    package func importDashboard(
        from path: String, secrets: ImportSecrets, calendar: ImportCalendar, forms: [any Form.Type] = Forms.all,
        progress: @escaping @Sendable (_ done: Int, _ of: Int) -> Void
    ) async throws -> ImportReport {
        try await database.write { connection in
            do {
                let old = try OldDatabase(path: path)
                guard old.isDashboard else { throw Refused(reason: ImportError.notADashboard(path: path)) }
                let report = try DashboardImport(
                    old: old, connection: connection, secrets: secrets, calendar: calendar, forms: forms,
                    progress: progress
                ).run()
                try old.close()
                return report
            } catch let error as ImportError {
                throw Refused(reason: error)
            } catch let error as SQLiteError where error.kind == SQLITE_NOTADB || error.kind == SQLITE_CORRUPT {
                throw Refused(reason: ImportError.notADashboard(path: path))
            } catch let error as SQLiteError
                where [SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_BUSY].contains(error.kind)
            {
                throw Refused(reason: ImportError.notAtRest(path: path))
            }
        }
    }
}
