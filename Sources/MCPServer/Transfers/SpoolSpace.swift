import Dispatch
import Glibc
import Synchronization

/// The disk that spools may fill: every download keeps its largest possible share free until its size is known, so that
/// those admitted can end (`mcp.md` 10.3 row 31).
final class SpoolSpace: Sendable {
    /// What one download may still write. Given back when released or dropped.
    final class Reservation: Sendable {
        private let left: Mutex<Int>
        private let space: SpoolSpace

        fileprivate init(_ space: SpoolSpace, bytes: Int) {
            self.space = space
            left = Mutex(bytes)
        }

        deinit { release() }

        func spend(_ bytes: Int) { shrink { $0 - bytes } }

        func shrink(to bytes: Int) { shrink { _ in bytes } }

        func release() { shrink { _ in 0 } }

        private func shrink(_ change: (Int) -> Int) {
            let freed = left.withLock { left in
                let new = max(0, min(left, change(left)))
                defer { left = new }
                return left - new
            }
            space.promised.withLock { $0 -= freed }
        }
    }

    private let directory: String
    private let spare: Int
    private let available: @Sendable (String) -> Int?
    fileprivate let promised = Mutex(0)

    /// - Parameters:
    ///   - spare: bytes of the disk that are never promised.
    ///   - available: free bytes of the disk of a folder; `nil` when unknown.
    init(directory: String, spare: Int, available: @escaping @Sendable (String) -> Int? = SpoolSpace.freeBytes(of:)) {
        self.directory = directory
        self.spare = spare
        self.available = available
    }

    /// Bytes promised and not written yet.
    var outstanding: Int { promised.withLock { $0 } }

    /// Asks disks. One after the other: where one hangs, each further question would keep a thread.
    private static let queue = DispatchQueue(label: "nezha.transfers.space")

    /// The disk is asked away from the caller's loop, since it may take its time.
    /// - Returns: `nil` when the disk has no room for `bytes` more.
    func reserve(_ bytes: Int) async -> Reservation? {
        let free = await withCheckedContinuation { continuation in
            Self.queue.async { [available, directory] in continuation.resume(returning: available(directory)) }
        }
        guard let free else { return nil }
        let granted = promised.withLock { promised in
            guard free - spare - promised >= bytes else { return false }
            promised += bytes
            return true
        }
        return granted ? Reservation(self, bytes: bytes) : nil
    }

    static func freeBytes(of directory: String) -> Int? {
        var found = statvfs()
        guard unsafe statvfs(directory, &found) == 0 else { return nil }
        let (bytes, overflow) = UInt64(found.f_bavail).multipliedReportingOverflow(by: UInt64(found.f_frsize))
        return overflow ? Int.max : Int(clamping: bytes)
    }
}
