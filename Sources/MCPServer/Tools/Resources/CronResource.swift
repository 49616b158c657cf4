import JSON
import Storage
import TimeZones

/// Commands that run by the clock or when triggered (`rest-details.md` 5, Cron).
struct CronResource: Resource {
    private let references: ResourceReferences

    init(_ services: ToolServices) {
        references = ResourceReferences(services)
    }

    let definition = ResourceDefinition(
        name: "cron", title: "task", plural: "tasks", shape: SchemaSource(PackageResources.cron_json), scope: "cron",
        missing: { .rejected("task id \($0) does not exist") })

    func check(_ form: inout CronForm, by principal: Principal) async throws {
        guard (0...2).contains(form.cover) else { throw ToolFailure.permissionDenied }
        try references.requireServers(form.servers, principal)
        try await references.requireNotificationGroup(form.notificationGroupID, principal)
    }

    func prepare(_ form: inout CronForm, of owner: Int64, _ arguments: JSONObject) async throws {
        if form.taskType == 0 {
            if form.cover == 2 { throw ToolFailure.rejected("scheduled tasks cannot be triggered by alarms") }
            try await Self.requireSchedule(form.scheduler)
        }
        if form.cover == 1 { form.servers = try references.excluded(form.servers, of: owner) }
    }

    func reach(of form: CronForm) -> [ServerReach] { [Self.reach(of: form)] }

    static func reach(of form: CronForm) -> ServerReach {
        form.cover == 1 ? .allBut(form.servers) : .only(form.servers)
    }

    /// A task of the schedule is known there by its own id.
    func computed(_ row: Owned<CronForm>) -> JSONObject {
        row.form.taskType == 0 ? ["cron_job_id": .integer(row.id)] : [:]
    }

    /// A zone that it names is read from a file.
    @concurrent
    private static func requireSchedule(_ text: String) async throws {
        do { _ = try Schedule(text) } catch { throw ToolFailure.rejected(Message(verbatim: error.description)) }
    }
}
