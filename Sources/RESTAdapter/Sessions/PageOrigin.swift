import HTTP

/// From which page a browser sends a request, as far as the request tells.
///
/// It decides what a session's cookie is worth that comes without the CSRF cookie. The browser holds that one back on
/// requests from other sites, and on those only: from a page of ours its absence is a log-out (`front-ends.md`, Every
/// page).
enum PageOrigin: Sendable, Hashable {
    /// A page of ours or of our site, or the person, who typed the address or chose a bookmark.
    case own
    case foreign
    /// No browser as far as one can see: programs keep what cookies they like.
    case unknown

    init(of request: InboundRequest) {
        let fields = request.head.headerFields
        switch fields[.secFetchSite] {
        case "same-origin", "same-site", "none": self = .own
        case .some: self = .foreign
        // Over plain HTTP browsers do not say.
        case nil:
            guard let page = fields[.origin] ?? fields[.referer] else {
                self = .unknown
                return
            }
            let host = request.head.authority ?? ""
            self = Self.authority(of: page).lowercased().utf8.elementsEqual(host.lowercased().utf8) ? .own : .foreign
        }
    }

    /// What stands between the scheme and the path; empty for `null`.
    private static func authority(of page: String) -> Substring {
        let parts = page.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        return parts.count >= 3 && parts[1].isEmpty ? parts[2] : ""
    }
}
