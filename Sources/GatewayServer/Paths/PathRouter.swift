package import HTTP

/// Hands a request to the owner of its path (``PathTable``).
package struct PathRouter: Sendable {
    private let owners: [PathRule.Owner: HTTPEntry]

    /// - Parameter owners: whose paths are answered; those of everybody else are unknown.
    package init(_ owners: [PathRule.Owner: HTTPEntry]) { self.owners = owners }

    /// - Parameter rule: where its path leads.
    package func answer(_ request: InboundRequest, _ rule: PathRule) async -> OutboundResponse {
        guard let owner = owners[rule.owner] else { return .text(.notFound, "404 Not Found") }
        return await owner(rule.dropsSlash ? request.withoutTrailingSlash(below: rule) : request)
    }
}

extension InboundRequest {
    /// Without the slash at the end of its path, where one segment at least stands before it.
    fileprivate func withoutTrailingSlash(below rule: PathRule) -> InboundRequest {
        let path = path
        guard path.utf8.count > rule.prefix.utf8.count, path.utf8.last == UInt8(ascii: "/"), let whole = head.path
        else {
            return self
        }
        var request = self
        request.head.path = String(path.dropLast()) + whole[path.endIndex...]
        return request
    }
}
