/// Name and version of the distribution.
struct OperatingSystem: Sendable, Equatable {
    var platform = "linux"
    var version = ""

    /// - Parameters:
    ///   - osRelease: the text of `/etc/os-release`.
    ///   - debianVersion: the text of `/etc/debian_version`, which also has the point release.
    init(osRelease: String, debianVersion: String?) {
        var values: [Substring: String] = [:]
        for line in osRelease.split(whereSeparator: \.isNewline) {
            guard let equals = line.firstIndex(of: "=") else { continue }
            values[line[..<equals]] = Self.unquote(line[line.index(after: equals)...])
        }
        if let id = values["ID"], !id.isEmpty { platform = id }
        version = values["VERSION_ID"] ?? values["BUILD_ID"] ?? ""
        if platform == "debian", let text = debianVersion?.split(whereSeparator: \.isWhitespace).first,
            text.first?.isNumber == true
        {
            version = String(text)
        }
    }

    private static func unquote(_ text: Substring) -> String {
        guard let quote = text.first, quote == "\"" || quote == "'", text.count >= 2, text.last == quote else {
            return String(text)
        }
        return String(text.dropFirst().dropLast())
    }
}
