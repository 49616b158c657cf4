/// The arguments of a tool that wants to know nothing but which server is meant.
struct ServerInput: Decodable, Sendable {
    var serverID: Int64

    private enum CodingKeys: String, CodingKey {
        case serverID = "server_id"
    }
}
