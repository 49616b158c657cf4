import Settings

/// Where a provider sends the browser back to (`rest-details.md` 3).
enum ReturnURL {
    private static let path = "/api/v1/oauth2/callback"

    /// - Parameter base: `scheme://host` of the request, or what `public_url` says.
    static func make(base: String, _ settings: GatewaySettings) -> String {
        guard settings.publicURL.isEmpty, !settings.dashboardHost.isEmpty else { return base + path }
        let parts = base.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let scheme = parts.first else { return base + path }
        let asked = String(Substring(parts[2]))
        let host = settings.reserves(host: asked) ? asked : settings.dashboardHost
        return "\(Substring(scheme))//\(host)\(path)"
    }
}
