/// A command that runs on servers, by the clock or when something triggers it (`rest.md` 4, Cron; `engines.md` 6).
package struct CronForm: Form {
    package static let table = "crons"

    package var name = ""
    /// 0 by ``scheduler``, 1 when triggered.
    package var taskType: Int64 = 0
    package var scheduler = ""
    package var command = ""
    package var servers: [Int64] = []
    /// Whether success is told, too.
    package var pushSuccessful = false
    /// 0 is none.
    package var notificationGroupID: Int64 = 0
    /// 0 only ``servers``, 1 all but ``servers``, 2 the server that triggered it.
    package var cover: Int64 = 0
    /// Written by the engine alone, as is ``lastResult``.
    package var lastExecutedAt = Moment.never
    package var lastResult = false

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name
        case taskType = "task_type"
        case scheduler
        case command
        case servers
        case pushSuccessful = "push_successful"
        case notificationGroupID = "notification_group_id"
        case cover
        case lastExecutedAt = "last_executed_at"
        case lastResult = "last_result"
    }
}
