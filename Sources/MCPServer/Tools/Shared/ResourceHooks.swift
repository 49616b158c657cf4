package import Storage
import Synchronization

/// What tools and the rules of resources ask of the engines. An engine puts its part in when it is made; without one
/// nothing is sent, run or known.
///
/// Engines hear of changes by `ResourceRepository.observe`, not from here.
package final class ResourceHooks: Sendable {
    private struct Actions: Sendable {
        var testNotification: (@Sendable (NotificationForm) async throws -> Void)?
        var runTask: (@Sendable (Owned<CronForm>) async throws -> Void)?
        var history: History?
    }

    /// One metric of a server over a period, both by the names that the schema of `server.metrics` has.
    package typealias History =
        @Sendable (_ server: Int64, _ metric: String, _ period: String) async throws -> [HistoryPoint]

    private let actions = Mutex(Actions())

    package init() {}

    /// - Parameter send: sends a test message; throws ``ToolFailure`` with the reason when it does not arrive.
    package func onNotificationTest(_ send: @escaping @Sendable (NotificationForm) async throws -> Void) {
        actions.withLock { $0.testNotification = send }
    }

    /// - Parameter run: runs a task now, on all servers that it covers.
    package func onTaskRun(_ run: @escaping @Sendable (Owned<CronForm>) async throws -> Void) {
        actions.withLock { $0.runTask = run }
    }

    /// - Parameter read: what the metrics store has.
    package func onHistory(_ read: @escaping History) {
        actions.withLock { $0.history = read }
    }

    func history(of server: Int64, _ metric: String, _ period: String) async throws -> [HistoryPoint] {
        try await actions.withLock { $0.history }?(server, metric, period) ?? []
    }

    func testNotification(_ form: NotificationForm) async throws {
        try await actions.withLock { $0.testNotification }?(form)
    }

    func runTask(_ task: Owned<CronForm>) async throws {
        try await actions.withLock { $0.runTask }?(task)
    }
}

/// One bucket of a metric's history, as `server.metrics` and `GET /server/{id}/metrics` show it.
package struct HistoryPoint: Encodable, Sendable, Hashable {
    /// Its start, Unix milliseconds.
    package var ts: Int64
    package var value: Double

    package init(ts: Int64, value: Double) {
        self.ts = ts
        self.value = value
    }
}
