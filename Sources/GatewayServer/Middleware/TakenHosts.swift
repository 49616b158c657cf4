package import HTTP

/// Hands requests for hosts that are not the gateway's own to whoever carries them, whatever their path, before anybody
/// asks for an address or a block: what lies behind such a host has rules of its own (`engines-details.md` 8).
package struct TakenHosts: Middleware {
    package typealias Taker = @Sendable (InboundRequest) -> HTTPEntry?

    private let takers: [Taker]

    /// - Parameter takers: each tells who answers a request; `nil` for one that is not its own.
    package init(_ takers: [Taker]) { self.takers = takers }

    package func answer(_ request: inout InboundRequest, _ rule: PathRule) async -> OutboundResponse? {
        for taker in takers {
            if let owner = taker(request) { return await owner(request) }
        }
        return nil
    }
}
