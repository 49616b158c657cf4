/// A set of conditions, and what happens when all of them fail (`rest.md` 4, AlertRule; `engines.md` 4).
package struct AlertRuleForm: Form {
    package static let table = "alert_rules"

    package var name = ""
    package var enable = false
    /// 0 always, 1 once; another number is as 0.
    package var triggerMode: Int64 = 0
    /// 0 is none.
    package var notificationGroupID: Int64 = 0
    package var rules: [AlertCondition] = []
    /// Tasks that run when it fires.
    package var failTriggerTasks: [Int64] = []
    package var recoverTriggerTasks: [Int64] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name
        case enable
        case triggerMode = "trigger_mode"
        case notificationGroupID = "notification_group_id"
        case rules
        case failTriggerTasks = "fail_trigger_tasks"
        case recoverTriggerTasks = "recover_trigger_tasks"
    }
}

/// One condition of a rule (`rest.md` 4, Rule).
package struct AlertCondition: Codable, Sendable, Hashable {
    /// Such as `cpu`; one that ends in `_cycle` sums traffic up.
    package var type = ""
    /// 0 is unset, as for the maximum.
    package var min = 0.0
    package var max = 0.0
    /// RFC 3339 as it was given: its offset decides when cycles begin. Empty: none.
    package var cycleStart = ""
    package var cycleInterval: Int64 = 0
    /// `hour`, `day`, `week`, `month`, `year` in any case; anything else is an hour.
    package var cycleUnit = ""
    /// Samples, 3 s each.
    package var duration: Int64 = 0
    /// 0: all servers but those marked in ``ignore``; 1: only those.
    package var cover: Int64 = 0
    package var ignore = IDMap<Bool>()

    package init() {}

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        type = try container.decodeIfPresent(String.self, forKey: .type) ?? type
        min = try container.decodeIfPresent(Double.self, forKey: .min) ?? min
        max = try container.decodeIfPresent(Double.self, forKey: .max) ?? max
        cycleStart = try container.decodeIfPresent(String.self, forKey: .cycleStart) ?? cycleStart
        cycleInterval = try container.decodeIfPresent(Int64.self, forKey: .cycleInterval) ?? cycleInterval
        cycleUnit = try container.decodeIfPresent(String.self, forKey: .cycleUnit) ?? cycleUnit
        duration = try container.decodeIfPresent(Int64.self, forKey: .duration) ?? duration
        cover = try container.decodeIfPresent(Int64.self, forKey: .cover) ?? cover
        ignore = try container.decodeIfPresent(IDMap<Bool>.self, forKey: .ignore) ?? ignore
    }

    /// Samples that are looked at, at most, whatever ``duration`` says: two days of them.
    package static let longestDuration: Int64 = 57_600

    /// Whether it sums up the traffic of a cycle.
    package var isCycle: Bool { type.utf8.suffix(6).elementsEqual("_cycle".utf8) }

    private enum CodingKeys: String, CodingKey {
        case type
        case min
        case max
        case cycleStart = "cycle_start"
        case cycleInterval = "cycle_interval"
        case cycleUnit = "cycle_unit"
        case duration
        case cover
        case ignore
    }
}
