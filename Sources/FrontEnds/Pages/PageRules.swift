/// Which paths are pages of a front end: their own index answers them with 200, every other path that is no file with 404
/// (`rest-details.md` 3, Pages). Both show the page: its own router says what is wrong.
enum PageRules {
    static func isUserPage(_ path: Substring) -> Bool {
        if path.utf8.elementsEqual("/".utf8) { return true }
        guard path.utf8.starts(with: "/server/".utf8) else { return false }
        return path.utf8.dropFirst(8).allSatisfy { (0x30...0x39).contains($0) }
    }

    /// - Parameter path: below `/dashboard/`.
    static func isAdminPage(_ path: Substring) -> Bool {
        adminPages.contains { $0.utf8.elementsEqual(path.utf8) }
    }

    private static let adminPages = [
        "", "login", "service", "cron", "notification", "alert-rule", "ddns", "nat", "server-group",
        "notification-group", "profile", "settings", "settings/user", "settings/online-user", "settings/waf",
        "settings/api-tokens", "transfer",
    ]

    /// Whether a file's name changes with its content, as builders name what they put below `assets/`:
    /// `index-B2k9x_Qa.js`. Such a file may be kept for ever.
    static func isHashed(_ segments: [String]) -> Bool {
        guard segments.count > 1, let name = segments.last?.utf8,
            let dash = name.lastIndex(where: { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }),
            name[dash] == UInt8(ascii: ".")
        else { return false }
        let stem = name[..<dash]
        // The last eight characters or more behind a dash or a dot, with a digit or a capital letter inside: no word.
        guard let mark = stem.lastIndex(where: { $0 == UInt8(ascii: ".") }) ?? hashStart(stem) else { return false }
        let hash = stem[stem.index(after: mark)...]
        return hash.count >= 8 && hash.count <= 64 && hash.allSatisfy(isHashByte)
            && hash.dropFirst().contains { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
    }

    /// A hash may hold dashes itself: it is the last eight characters behind one.
    private static func hashStart(_ stem: Substring.UTF8View) -> Substring.UTF8View.Index? {
        if let end = stem.index(stem.endIndex, offsetBy: -9, limitedBy: stem.startIndex), stem[end] == UInt8(ascii: "-")
        {
            return end
        }
        return stem.lastIndex(of: UInt8(ascii: "-"))
    }

    private static func isHashByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
