/// Channels that are told together (`rest.md` 4, NotificationGroup).
package struct NotificationGroupForm: Form {
    package static let table = "notification_groups"
    package static let members: MemberList? = MemberList(
        "notifications", table: "notification_group_notifications", memberColumn: "notification_id",
        of: NotificationForm.table)

    package var name = ""
    package var notifications: [Int64] = []

    package init() {}
}
