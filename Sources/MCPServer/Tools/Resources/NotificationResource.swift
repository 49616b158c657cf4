import JSON
import Storage

/// Channels of notifications. Unless told not to, saving sends a test message first (`engines.md` 5).
struct NotificationResource: Resource {
    private let hooks: ResourceHooks

    init(_ services: ToolServices) {
        hooks = services.hooks
    }

    let definition = ResourceDefinition(
        name: "notification", title: "notification channel", plural: "notification channels",
        shape: SchemaSource(PackageResources.notification_json), scope: "notification",
        missing: { .rejected("notification id \($0) does not exist") })

    func prepare(_ form: inout NotificationForm, of owner: Int64, _ arguments: JSONObject) async throws {
        if arguments["skip_check"]?.boolValue != true { try await hooks.testNotification(form) }
    }
}
