/// `online_user.list`: who watches the servers live now, oldest first (`rest.md` 4, OnlineUser).
struct OnlineUserListTool: Tool {
    private let watchers: WatcherRegistry

    init(_ services: ToolServices) {
        watchers = services.watchers
    }

    let definition = ToolDefinition(
        name: "online_user.list", title: "List watchers",
        description: "Lists who watches the servers live at this moment: user, address, since when.",
        annotations: ToolAnnotations(readOnly: true),
        access: .administrator, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.online_user_list_input_json),
        outputSchema: SchemaSource(PackageResources.online_user_list_output_json))

    struct Item: Encodable, Sendable {
        /// Absent for a guest.
        var userID: Int64?
        var connectedAt: Timestamp
        /// Absent where it is not known.
        var ip: String?

        private enum CodingKeys: String, CodingKey {
            case userID = "user_id"
            case connectedAt = "connected_at"
            case ip
        }
    }

    func run(_ input: PageInput, in call: ToolCall) async throws -> Page<Item> {
        input.page(of: watchers.all) { watcher in
            Item(userID: watcher.userID, connectedAt: Timestamp(watcher.connectedAt), ip: watcher.ip)
        }
    }
}
