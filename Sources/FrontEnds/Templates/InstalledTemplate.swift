import JSON

/// A front end in `<data>/templates` (`rest-details.md` 4, FrontendTemplate).
package struct InstalledTemplate: Sendable, Hashable {
    package var name: TemplateName
    /// Whether it is one for `/dashboard/`.
    package var isAdmin: Bool
    package var files: Int
    package var bytes: Int

    package init(name: TemplateName, isAdmin: Bool, files: Int = 0, bytes: Int = 0) {
        self.name = name
        self.isAdmin = isAdmin
        self.files = files
        self.bytes = bytes
    }

    /// Where it is written down what an installed front end is. Its name begins with a dot, so it is not served.
    static let manifestName = ".template.json"
    static let manifestLimit = 4096

    var manifest: [UInt8] {
        let value: JSONValue = [
            "is_admin": .bool(isAdmin), "files": .integer(Int64(files)), "bytes": .integer(Int64(bytes)),
        ]
        return value.serialized()
    }

    /// - Parameter manifest: as ``manifest``; without one somebody put the folder there, which counts as a user's page.
    init(name: TemplateName, manifest: [UInt8]?) {
        let value = manifest.flatMap { try? JSONParser.parse($0) } ?? .null
        self.init(
            name: name, isAdmin: value["is_admin"]?.boolValue ?? false, files: Int(value["files"]?.int64Value ?? 0),
            bytes: Int(value["bytes"]?.int64Value ?? 0))
    }
}
