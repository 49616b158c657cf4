import JSON
import Storage

import struct FoundationEssentials.Date

/// Rules that tell, and run tasks, when servers leave their bounds (`rest-details.md` 5, Alert rule).
struct AlertRuleResource: Resource {
    private let references: ResourceReferences
    private let now: @Sendable () -> Date

    init(_ services: ToolServices) {
        references = ResourceReferences(services)
        now = services.now
    }

    let definition = ResourceDefinition(
        name: "alert_rule", title: "alert rule", plural: "alert rules",
        shape: SchemaSource(PackageResources.alert_rule_json), scope: "alertrule",
        missing: { .rejected("alert id \($0) does not exist") })

    /// What can be measured; each of the three transfers also by cycle.
    static let types: Set<String> = [
        "cpu", "gpu_max", "memory", "swap", "disk", "net_in_speed", "net_out_speed", "net_all_speed", "transfer_in",
        "transfer_out", "transfer_all", "transfer_in_cycle", "transfer_out_cycle", "transfer_all_cycle", "offline",
        "load1", "load5", "load15", "tcp_conn_count", "udp_conn_count", "process_count", "temperature_max",
    ]

    /// Of one rule set; each server that it looks at has its samples kept.
    static let maxConditions = 64
    static let maxSamples = AlertCondition.longestDuration

    func check(_ form: inout AlertRuleForm, by principal: Principal) async throws {
        if form.rules.isEmpty { throw ToolFailure.rejected("need to configure at least a single rule") }
        guard form.rules.count <= Self.maxConditions else {
            throw ToolFailure.rejected("rules may be \(Self.maxConditions) at most")
        }
        for condition in form.rules { try check(condition) }
        // No window is longer, whatever the rule says.
        let samples = form.rules.filter { !$0.isCycle }.reduce(0) { $0 + min($1.duration, Self.maxSamples) }
        guard samples <= Self.maxSamples else {
            throw ToolFailure.rejected("the durations of all rules may be \(Self.maxSamples) samples together")
        }
        try await references.requireNotificationGroup(form.notificationGroupID, principal)
        try await references.requireTasks(form.failTriggerTasks + form.recoverTriggerTasks, principal)
    }

    private func check(_ condition: AlertCondition) throws(ToolFailure) {
        guard (0...1).contains(condition.cover) else { throw .permissionDenied }
        if condition.isCycle {
            if condition.cycleInterval < 1 { throw .rejected("cycle_interval need to be at least 1") }
            guard let start = Timestamp.date(condition.cycleStart) else { throw .rejected("cycle_start is not set") }
            if start > now() { throw .rejected("cycle_start is a future value") }
        } else if condition.duration < 3 {
            throw .rejected("duration need to be at least 3")
        }
        guard Self.types.contains(where: { $0.utf8.elementsEqual(condition.type.utf8) }) else {
            throw .rejected("unknown rule type \(condition.type)")
        }
    }

    func reach(of form: AlertRuleForm) -> [ServerReach] {
        form.rules.map { ServerReach(marks: $0.ignore, cover: $0.cover) }
    }
}
