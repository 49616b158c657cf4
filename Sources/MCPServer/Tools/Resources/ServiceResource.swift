import JSON
import Primitives
import Storage

/// Monitors: what servers look at from time to time (`rest-details.md` 5, Service).
struct ServiceResource: Resource {
    private let references: ResourceReferences

    init(_ services: ToolServices) {
        references = ResourceReferences(services)
    }

    let definition = ResourceDefinition(
        name: "service", title: "monitor", plural: "monitors", shape: SchemaSource(PackageResources.service_json),
        scope: "service", missing: { .rejected("service id \($0) does not exist") })

    /// Seconds between two looks, when the form does not say.
    private static let usualDuration: Int64 = 30

    func check(_ form: inout ServiceForm, by principal: Principal) async throws {
        guard (1...3).contains(form.type) else {
            throw ToolFailure.rejected(
                """
                invalid service monitor type \(form.type): allowed types are 1 (HTTP GET), 2 (ICMP ping), and 3 \
                (TCP ping)
                """)
        }
        guard (0...1).contains(form.cover) else { throw ToolFailure.permissionDenied }
        form.target = String(form.target.trimmingWhitespace())
        if form.duration == 0 { form.duration = Self.usualDuration }
        try references.requireServers(form.skipServers.marked, principal)
        try await references.requireNotificationGroup(form.notificationGroupID, principal)
        try await references.requireTasks(form.failTriggerTasks + form.recoverTriggerTasks, principal)
    }

    func prepare(_ form: inout ServiceForm, of owner: Int64, _ arguments: JSONObject) async throws {
        guard form.cover == 0 else { return }
        let kept = Set(try references.excluded(form.skipServers.marked, of: owner))
        form.skipServers.values = form.skipServers.values.filter { !$0.value || kept.contains($0.key) }
    }

    func reach(of form: ServiceForm) -> [ServerReach] { form.reach }

    func ordered(_ rows: [Owned<ServiceForm>]) -> [Owned<ServiceForm>] {
        rows.sorted {
            $0.form.displayIndex != $1.form.displayIndex
                ? $0.form.displayIndex > $1.form.displayIndex : $0.id < $1.id
        }
    }
}

extension ServiceForm {
    /// The servers that the monitor runs on.
    package var reach: [ServerReach] { [ServerReach(marks: skipServers, cover: cover)] }
}
