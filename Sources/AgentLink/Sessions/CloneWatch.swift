import struct FoundationEssentials.Date

/// Notices two machines that report under one UUID, as clones of a disk do: each takes the place of the other, whose
/// connection is alive and who comes back to take it again.
///
/// An agent whose network breaks takes the place of its own dead connection, but that one has been silent for a while by
/// then; one that is restarted has closed its own.
struct CloneWatch: Sendable {
    /// A connection that reported within so many seconds was alive.
    static let alive = 10.0
    /// So often within ``window`` is no accident.
    static let limit = 3
    /// Seconds; after as many without a change of places one of the two is gone.
    static let window = 600.0

    private var times: [Date] = []

    /// A task stream took the place of another one.
    /// - Parameter lastReport: of the server, when it was taken.
    /// - Returns: whether this is the moment at which two machines are noticed.
    mutating func replaced(lastReport: Date?, at now: Date) -> Bool {
        guard let lastReport, now.timeIntervalSince(lastReport) < Self.alive else { return false }
        let wasSeen = isDuplicated(at: now)
        times = Array((times + [now]).suffix(Self.limit))
        return isDuplicated(at: now) && !wasSeen
    }

    func isDuplicated(at now: Date) -> Bool {
        guard times.count == Self.limit, let first = times.first, let last = times.last else { return false }
        return last.timeIntervalSince(first) < Self.window && now.timeIntervalSince(last) < Self.window
    }
}
