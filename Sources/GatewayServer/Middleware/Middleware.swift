package import HTTP

/// Answers a request of which is known where its path leads; nobody on its way looks it up again.
package typealias RoutedEntry = @Sendable (_ request: InboundRequest, _ rule: PathRule) async -> OutboundResponse

/// One thing that happens to every HTTP request before its owner sees it.
package protocol Middleware: Sendable {
    /// - Parameters:
    ///   - request: may be changed for those who come after.
    ///   - rule: where the path leads.
    /// - Returns: an answer, with which the way ends; `nil` lets the request pass.
    func answer(_ request: inout InboundRequest, _ rule: PathRule) async -> OutboundResponse?
}

/// What every HTTP request passes, one after the other, until somebody answers. Each has returned before the next one is
/// asked: a task keeps room for everything that waits in it, and most only look and let pass.
package struct MiddlewareChain: Sendable {
    private let middlewares: [any Middleware]
    private let log: AccessLog
    private let last: RoutedEntry

    /// - Parameters:
    ///   - middlewares: in the order that requests come to them.
    ///   - log: what comes of each request is written there.
    ///   - last: whoever answers what has passed them all.
    package init(_ middlewares: [any Middleware], log: AccessLog, last: @escaping RoutedEntry) {
        self.middlewares = middlewares
        self.log = log
        self.last = last
    }

    package func answer(_ request: InboundRequest) async -> OutboundResponse {
        var request = request
        let rule = PathTable.rule(of: request.path)
        guard log.wants(rule) else { return await answer(&request, rule) }
        let began = ContinuousClock.now
        let response = await answer(&request, rule)
        log.write(request, rule, response.head.status, took: began.duration(to: .now))
        return response
    }

    private func answer(_ request: inout InboundRequest, _ rule: PathRule) async -> OutboundResponse {
        for middleware in middlewares {
            if let answer = await middleware.answer(&request, rule) { return answer }
        }
        return await last(request, rule)
    }
}
