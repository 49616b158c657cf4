/// A front end that the settings may name (`rest-details.md` 4, FrontendTemplate).
package struct FrontendTemplate: Encodable, Sendable, Hashable {
    /// The name of its folder, as the settings have it.
    package var path: String
    package var name: String
    /// `true` for one of `/dashboard/`, else `nil`.
    package var isAdmin: Bool?
    package var isOfficial: Bool?

    /// One that somebody installed.
    package init(installed path: String, isAdmin: Bool) {
        self.init(path: path, name: path, isAdmin: isAdmin ? true : nil, isOfficial: nil)
    }

    private init(path: String, name: String, isAdmin: Bool?, isOfficial: Bool?) {
        self.path = path
        self.name = name
        self.isAdmin = isAdmin
        self.isOfficial = isOfficial
    }

    private enum CodingKeys: String, CodingKey {
        case path
        case name
        case isAdmin = "is_admin"
        case isOfficial = "is_official"
    }

    /// Those of the names that the settings have at first, installed or not.
    private static let official = [
        FrontendTemplate(path: "admin-dist", name: "Admin", isAdmin: true, isOfficial: true),
        FrontendTemplate(path: "user-dist", name: "User", isAdmin: nil, isOfficial: true),
    ]

    /// All that may be named: the official ones, then what else is installed.
    static func known(installed: [FrontendTemplate]) -> [FrontendTemplate] {
        official + installed.filter { template in !official.contains { $0.path == template.path } }
    }
}
