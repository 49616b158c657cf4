import GatewayServer
import HTTP
import Logging
import MCPServer
import Settings

/// What every HTTP request passes before its owner sees it, in this order (`mcp.md` 1.1).
struct FrontDoor: Sendable {
    private let chain: MiddlewareChain

    /// - Parameters:
    ///   - block: why an address is blocked, if it is.
    ///   - hasToken: whether a request carries a token that is good.
    ///   - isReady: whether the gateway can do its work.
    ///   - takers: carry requests for hosts that are not the gateway's own.
    ///   - entry: whoever answers what has passed.
    init(
        settings: any SettingsStore, block: @escaping @Sendable (_ ip: String?) -> StrikeBook.Block?,
        hasToken: @escaping @Sendable (InboundRequest) async -> Bool, isReady: @escaping @Sendable () -> Bool,
        logger: Logger, takers: [TakenHosts.Taker], entry: @escaping RoutedEntry
    ) {
        chain = MiddlewareChain(
            [
                PlainFields(), ProxyHeaders(settings: settings), TakenHosts(takers), HealthCheck(isReady: isReady),
                AddressGuard(settings: settings), BlockGuard(block: block, hasToken: hasToken),
            ],
            log: AccessLog(logger: logger), last: entry)
    }

    func answer(_ request: InboundRequest) async -> OutboundResponse { await chain.answer(request) }
}
