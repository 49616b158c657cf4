/// How many results of a task may still come from the servers that triggered it (`engines.md` 6, cover 2): as many as were
/// sent, for a day. Pure.
struct PendingResults: Sendable {
    static let lifetime = 86_400.0
    /// Runs of one task on one server that are remembered.
    private static let capacity = 256

    private struct Key: Hashable {
        var task: Int64
        var server: Int64
    }

    /// Unix seconds of the runs.
    private var sent: [Key: [Double]] = [:]

    mutating func note(task: Int64, server: Int64, at now: Double) {
        let key = Key(task: task, server: server)
        var times = sent[key, default: []].filter { now - $0 < Self.lifetime }
        if times.count >= Self.capacity { times.removeFirst() }
        sent[key] = times + [now]
    }

    /// Whether a result is one of those; it is used up.
    mutating func take(task: Int64, server: Int64, at now: Double) -> Bool {
        let key = Key(task: task, server: server)
        var times = sent[key, default: []].filter { now - $0 < Self.lifetime }
        let isExpected = !times.isEmpty
        if isExpected { times.removeFirst() }
        sent[key] = times.isEmpty ? nil : times
        return isExpected
    }

    /// The task was saved anew.
    mutating func forget(task: Int64) { sent = sent.filter { $0.key.task != task } }
}
