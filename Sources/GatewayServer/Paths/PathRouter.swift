package import HTTP

/// Hands a request to the owner of its path (``PathTable``).
package struct PathRouter: Sendable {
    private let ask: @Sendable (PathRule.Owner, InboundRequest) async -> OutboundResponse?

    /// - Parameter ask: has an owner answer; `nil` for one whose paths are unknown here.
    package init(ask: @escaping @Sendable (PathRule.Owner, InboundRequest) async -> OutboundResponse?) {
        self.ask = ask
    }

    /// - Parameter rule: where its path leads.
    package func answer(_ request: InboundRequest, _ rule: PathRule) async -> OutboundResponse {
        let request = rule.dropsSlash ? request.withoutTrailingSlash(below: rule) : request
        return await ask(rule.owner, request) ?? .text(.notFound, "404 Not Found")
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
