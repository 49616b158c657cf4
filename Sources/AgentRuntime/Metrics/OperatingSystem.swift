/// Name and version of the distribution.
struct OperatingSystem: Sendable, Equatable {
    var platform = "linux"
    var version = ""

    /// - Parameters:
    ///   - osRelease: the text of `/etc/os-release`.
    ///   - debianVersion: the text of `/etc/debian_version`, which also has the point release.
    init(osRelease: String, debianVersion: String?) {
        var values: [Substring: String] = [:]
        for line in osRelease.lines {
            guard let (name, value) = line.halves(at: UInt8(ascii: "=")) else { continue }
            values[name] = Self.unquote(value)
        }
        if let id = values["ID"], !id.isEmpty { platform = id }
        version = values["VERSION_ID"] ?? values["BUILD_ID"] ?? ""
        if platform == "debian", let text = debianVersion?.words.first,
            text.utf8.first.map({ 48...57 ~= $0 }) == true
        {
            version = String(text)
        }
    }

    private static func unquote(_ text: Substring) -> String {
        let bytes = text.utf8
        guard let quote = bytes.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'"), bytes.count >= 2,
            bytes.last == quote
        else { return String(text) }
        return String(Substring(bytes.dropFirst().dropLast()))
    }
}
