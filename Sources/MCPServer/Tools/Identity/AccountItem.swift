import Storage

/// An account as answers show it (`rest.md` 4, User), with the secret of its agents.
struct AccountItem: Encodable, Sendable {
    var id: Int64
    var createdAt: Timestamp
    var updatedAt: Timestamp
    var username: String
    var role: Int
    var agentSecret: String
    /// Only where it is so.
    var rejectPassword: Bool?
    /// Of one's own account: where the request came from, and the identities that may log in.
    var loginIP: String?
    var oauth2Bind: [String: String]?

    private enum CodingKeys: String, CodingKey {
        case id
        case createdAt = "created_at"
        case updatedAt = "updated_at"
        case username
        case role
        case agentSecret = "agent_secret"
        case rejectPassword = "reject_password"
        case loginIP = "login_ip"
        case oauth2Bind = "oauth2_bind"
    }

    init(_ user: UserRecord, agentSecret: String) {
        id = user.id
        createdAt = Timestamp(user.createdAt)
        updatedAt = Timestamp(user.updatedAt)
        username = user.username
        role = user.role.rawValue
        self.agentSecret = agentSecret
        rejectPassword = user.rejectPassword ? true : nil
    }
}
