package import HTTP

/// Answers what load balancers ask, without a credential, a log line or a row: `/healthz` says that the process answers,
/// `/readyz` that it can do its work.
package struct HealthCheck: Middleware {
    private let isReady: @Sendable () -> Bool

    /// - Parameter isReady: answers at once.
    package init(isReady: @escaping @Sendable () -> Bool) { self.isReady = isReady }

    package func answer(_ request: inout InboundRequest, _ rule: PathRule) async -> OutboundResponse? {
        guard rule.owner == .health,
            request.head.method == .get || request.head.method == .head
        else { return nil }
        let isGood = !request.path.utf8.elementsEqual("/readyz".utf8) || isReady()
        return .text(
            isGood ? .ok : .serviceUnavailable, isGood ? "ok" : "not ready", fields: [.cacheControl: "no-store"])
    }
}
