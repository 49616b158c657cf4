package import HTTP

/// Hands requests for hosts that are not the gateway's own to whoever carries them, whatever their path, before anybody
/// asks for an address or a block: what lies behind such a host has rules of its own (`engines-details.md` 8).
package struct TakenHosts: Middleware {
    package typealias Taker = @Sendable (InboundRequest) async -> OutboundResponse?

    private let takers: [Taker]

    /// - Parameter takers: each answers `nil` for a request that is not its own.
    package init(_ takers: [Taker]) { self.takers = takers }

    package func handle(_ request: InboundRequest, _ rule: PathRule, next: RoutedEntry) async -> OutboundResponse {
        for taker in takers {
            if let answer = await taker(request) { return answer }
        }
        return await next(request, rule)
    }
}
