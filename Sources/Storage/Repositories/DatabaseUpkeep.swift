/// What is done for the files themselves (`engines.md` 11).
package protocol DatabaseUpkeep: Sendable {
    /// Gives back to the disk what deleted rows have left. In small steps, between which others write, so nobody waits.
    /// - Returns: how many bytes the file lost.
    @discardableResult
    func compact() async throws -> Int64

    /// The files, as large as they are now.
    func files() async -> [StoredFile]
}

/// A file in which data is kept.
package struct StoredFile: Sendable, Hashable {
    /// What it holds, such as `database`; no path.
    package var name: String
    /// With its log.
    package var bytes: Int64

    package init(name: String, bytes: Int64) {
        self.name = name
        self.bytes = bytes
    }
}

/// Several files, one after the other; what goes wrong with one keeps nothing from the next.
struct UpkeepOfAll: DatabaseUpkeep {
    let parts: [any DatabaseUpkeep]

    func compact() async throws -> Int64 {
        var bytes: Int64 = 0
        var failure: (any Error)?
        for part in parts {
            do {
                bytes += try await part.compact()
            } catch {
                failure = failure ?? error
            }
            try Task.checkCancellation()
        }
        if let failure { throw failure }
        return bytes
    }

    func files() async -> [StoredFile] {
        var files: [StoredFile] = []
        for part in parts { files += await part.files() }
        return files
    }
}

/// For a storage without files.
package struct NoUpkeep: DatabaseUpkeep {
    package init() {}

    package func compact() async throws -> Int64 { 0 }
    package func files() async -> [StoredFile] { [] }
}
