/// Something that servers look at from time to time (`rest.md` 4, Service; `engines.md` 3).
package struct ServiceForm: Form {
    package static let table = "services"

    package var name = ""
    /// 1 HTTP, 2 ICMP, 3 TCP.
    package var type: Int64 = 0
    package var target = ""
    /// Which servers look: see ``cover``.
    package var skipServers = IDMap<Bool>()
    /// Seconds from one look to the next.
    package var duration: Int64 = 0
    package var notify = false
    /// 0 is none.
    package var notificationGroupID: Int64 = 0
    /// 0 all servers but those marked in ``skipServers``, 1 only those.
    package var cover: Int64 = 0
    package var enableTriggerTask = false
    package var failTriggerTasks: [Int64] = []
    package var recoverTriggerTasks: [Int64] = []
    /// Milliseconds; 0 is unset, as for the maximum.
    package var minLatency = 0.0
    package var maxLatency = 0.0
    package var latencyNotify = false
    /// Greater shows first.
    package var displayIndex: Int64 = 0
    package var hideForGuest = false

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name
        case type
        case target
        case skipServers = "skip_servers"
        case duration
        case notify
        case notificationGroupID = "notification_group_id"
        case cover
        case enableTriggerTask = "enable_trigger_task"
        case failTriggerTasks = "fail_trigger_tasks"
        case recoverTriggerTasks = "recover_trigger_tasks"
        case minLatency = "min_latency"
        case maxLatency = "max_latency"
        case latencyNotify = "latency_notify"
        case displayIndex = "display_index"
        case hideForGuest = "hide_for_guest"
    }
}
