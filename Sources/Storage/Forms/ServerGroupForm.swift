/// A named set of servers (`rest.md` 4, ServerGroup).
package struct ServerGroupForm: Form {
    package static let table = "server_groups"
    package static let members: MemberList? = MemberList(
        "servers", table: "server_group_servers", memberColumn: "server_id", of: "servers")

    package var name = ""
    package var servers: [Int64] = []

    package init() {}
}
