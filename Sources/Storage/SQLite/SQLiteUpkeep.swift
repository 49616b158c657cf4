struct SQLiteUpkeep: DatabaseUpkeep {
    /// Pages that one step gives back: a few milliseconds of the writer.
    private static let pagesOfStep: Int64 = 500

    let database: SQLiteConnection

    func compact() async throws -> Int64 {
        try await database.write { try $0.execute(script: "PRAGMA optimize") }
        return try await database.releasePages(atOnce: Self.pagesOfStep)
    }

    func files() async -> [StoredFile] { [StoredFile(name: "database", bytes: await database.fileBytes())] }
}

extension SQLiteConnection {
    /// Gives free pages back to the file system, some in each transaction.
    /// - Returns: how many bytes the file lost.
    @discardableResult
    func releasePages(atOnce count: Int64) async throws -> Int64 {
        var given: Int64 = 0
        while true {
            let step = try await write { connection in
                let before = try connection.number("freelist_count")
                try connection.execute(script: "PRAGMA incremental_vacuum(\(count))")
                let after = try connection.number("freelist_count")
                return PageStep(left: after, given: (before - after) * (try connection.number("page_size")))
            }
            given += max(0, step.given)
            // Others fill pages and leave some while this goes on; without progress there is nothing to do.
            if step.left == 0 || step.given <= 0 { return given }
            try Task.checkCancellation()
        }
    }
}

private struct PageStep: Sendable {
    var left: Int64
    var given: Int64
}

extension Connection {
    /// Files give space back in steps from now on. One that was made otherwise is written anew once, which takes as long as
    /// copying it; nobody else may have it open.
    /// - Returns: whether it was written anew.
    func allowCompaction() throws -> Bool {
        guard try number("auto_vacuum") != 2 else { return false }
        try execute(script: "PRAGMA auto_vacuum = INCREMENTAL; VACUUM")
        return true
    }

    /// - Parameter name: of a pragma that is one number.
    fileprivate func number(_ name: String) throws -> Int64 {
        guard let number = try integers("PRAGMA \(name)").first else { throw StorageError.failed("no \(name)") }
        return number
    }
}
