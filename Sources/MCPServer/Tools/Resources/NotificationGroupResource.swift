import Primitives
import Storage

/// Channels that are told together.
struct NotificationGroupResource: Resource {
    private let channels: any ResourceRepository<NotificationForm>

    init(_ services: ToolServices) {
        channels = services.storage.rows(of: NotificationForm.self)
    }

    let definition = ResourceDefinition(
        name: "notification_group", title: "notification group", plural: "notification groups",
        shape: SchemaSource(PackageResources.notification_group_json), scope: "notification-group",
        missing: { .rejected("group id \($0) does not exist") }
    ).with {
        $0.selectsByID = false
        $0.wrapper = "group"
    }

    func check(_ form: inout NotificationGroupForm, by principal: Principal) async throws {
        form.notifications = form.notifications.unique
        for id in form.notifications {
            guard let channel = try await channels.find(id: id) else {
                throw ToolFailure.rejected("have invalid notification id")
            }
            guard principal.owns(resourceOf: channel.owner) else { throw ToolFailure.permissionDenied }
        }
    }
}
