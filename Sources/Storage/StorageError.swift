/// What can go wrong with the database. No case carries SQL, column values or file contents.
package enum StorageError: Error, Sendable, Equatable {
    /// The file was written by a newer version of the program.
    case newerSchema(found: String)
    /// Another gateway serves this database.
    case alreadyServed(path: String)
    /// This log of a database that is not there any more would be replayed into another one at its place.
    case leftover(path: String)
    /// The folder or file cannot be written.
    case notWritable(path: String)
    /// The file is no SQLite database, or is damaged.
    case notADatabase(path: String)
    /// The file is another program's SQLite database.
    case foreignDatabase(path: String)
    /// A unique value exists already; `field` is its record field, such as `username`.
    case duplicate(field: String)
    /// The row to change does not exist.
    case notFound
    /// Any other failure; the detail is for the log only.
    case failed(String)
}
