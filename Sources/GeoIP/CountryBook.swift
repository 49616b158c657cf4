package import Logging
import Primitives
import Synchronization

/// The country of addresses, from the database at a path (`engines-details.md` 1). A file that is not there or no database
/// is told once and changes nothing: what was read before is used on. A file that changes is read anew.
///
/// ```swift
/// let countries = CountryBook(path: "/var/lib/GeoIP/GeoLite2-Country.mmdb", logger: logger)
/// Task { await countries.run() }
/// countries.country(of: "192.0.2.1")    // "DE", or nil
/// ```
package final class CountryBook: Sendable {
    private struct State {
        var database: CountryDatabase?
        /// What the file was when it was read, or could not be.
        var read: FileState?
        var fault: DatabaseFault?
    }

    private let path: String
    private let logger: Logger
    private let state = Mutex(State())

    package init(path: String, logger: Logger) {
        self.path = path
        self.logger = logger
    }

    /// From memory, at once.
    /// - Returns: two letters; `nil` when unknown.
    package func country(of address: String) -> String? {
        guard let database = state.withLock({ $0.database }), let address = IPAddress(address) else { return nil }
        return database.code(of: address)
    }

    /// Reads the database for the first time.
    package func load() async { _ = await look(seenBefore: nil) }

    /// Reads the database whenever the file has changed, until the surrounding task is cancelled.
    package func run() async { await run(every: .seconds(30)) }

    func run(every pause: Duration) async {
        var seen: FileState?
        while !Task.isCancelled {
            seen = await look(seenBefore: seen)
            // Cancelled: the loop ends.
            try? await Task.sleep(for: pause)
        }
    }

    /// Looks at the file on a thread of its own, since a disk that hangs does not answer.
    private func look(seenBefore: FileState?) async -> FileState? {
        await withCheckedContinuation { continuation in
            let code = DetachedThread.start { [self] in continuation.resume(returning: look(after: seenBefore)) }
            // No thread now; the next turn may have one.
            if code != 0 { continuation.resume(returning: seenBefore) }
        }
    }

    /// Reads the file if it is another than the one that was read. One that is being written is not read before two looks
    /// find the same; only the first is read at once.
    /// - Returns: what the file is now.
    func look(after seenBefore: FileState?) -> FileState? {
        let now = FileState(path: path)
        let (known, isFirst) = state.withLock { ($0.read, $0.read == nil && $0.fault == nil) }
        guard isFirst || (now == seenBefore && now != known) else { return now }
        do throws(DatabaseFault) {
            let database = try CountryDatabase(DatabaseCopy(of: path))
            state.withLock { $0 = State(database: database, read: now) }
            logger.info("countries of addresses are read", metadata: ["path": "\(path)"])
        } catch {
            let isNew = state.withLock { state in
                defer { (state.read, state.fault) = (now, error) }
                return state.fault != error
            }
            if isNew {
                logger.warning(
                    "no countries of addresses are read from the file",
                    metadata: ["path": "\(path)", "error": "\(error)"])
            }
        }
        return now
    }
}
