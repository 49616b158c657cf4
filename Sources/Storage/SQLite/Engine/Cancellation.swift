import Synchronization

/// Whether somebody still waits for the result of a read. Asked by SQLite while it runs, on the reader's thread.
///
/// Not `sqlite3_interrupt`: that one is lost when it comes just before a statement begins, strikes the next work when it
/// comes just after the end, and wants the connection alive on another thread.
final class Cancellation: Sendable {
    private let flag = Atomic(false)

    var isCancelled: Bool { flag.load(ordering: .acquiring) }

    func cancel() { flag.store(true, ordering: .releasing) }
}
