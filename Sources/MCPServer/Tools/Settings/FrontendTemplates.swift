/// The page templates that this build knows (`rest-details.md` 4, FrontendTemplate).
struct FrontendTemplate: Encodable, Sendable, Hashable {
    var path: String
    var name: String
    var isAdmin: Bool?
    var isOfficial: Bool?

    private enum CodingKeys: String, CodingKey {
        case path
        case name
        case isAdmin = "is_admin"
        case isOfficial = "is_official"
    }

    static let all = [
        FrontendTemplate(path: "admin-dist", name: "Admin", isAdmin: true, isOfficial: true),
        FrontendTemplate(path: "user-dist", name: "User", isAdmin: nil, isOfficial: true),
    ]
}
