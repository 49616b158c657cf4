package import HTTP

/// Answers a request of which is known where its path leads; nobody on its way looks it up again.
package typealias RoutedEntry = @Sendable (_ request: InboundRequest, _ rule: PathRule) async -> OutboundResponse

/// One thing that happens to every HTTP request before its owner sees it.
package protocol Middleware: Sendable {
    /// - Parameters:
    ///   - rule: where the path leads.
    ///   - next: the rest of the way; not called where this one answers by itself.
    func handle(_ request: InboundRequest, _ rule: PathRule, next: RoutedEntry) async -> OutboundResponse
}

/// What every HTTP request passes, one after the other, until somebody answers.
package struct MiddlewareChain: Sendable {
    private let first: RoutedEntry

    /// - Parameters:
    ///   - middlewares: in the order that requests come to them.
    ///   - last: whoever answers what has passed them all.
    package init(_ middlewares: [any Middleware], last: @escaping RoutedEntry) {
        first = middlewares.reversed().reduce(last) { next, middleware in
            { await middleware.handle($0, $1, next: next) }
        }
    }

    package func answer(_ request: InboundRequest) async -> OutboundResponse {
        await first(request, PathTable.rule(of: request.path))
    }
}
