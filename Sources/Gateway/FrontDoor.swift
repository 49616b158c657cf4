import GatewayServer
import HTTP
import Logging
import MCPServer

/// What every HTTP request passes first: what its proxy says of it → block list → access log (`mcp.md` 1.1).
struct FrontDoor: Sendable {
    let settings: any SettingsStore
    let isBlocked: @Sendable (_ ip: String?) -> Bool
    let logger: Logger
    let entry: @Sendable (InboundRequest) async -> OutboundResponse

    func answer(_ request: InboundRequest) async -> OutboundResponse {
        let began = ContinuousClock.now
        var request = request
        let response: OutboundResponse
        do throws(RealAddress.HeaderMissing) {
            let settings = settings.current
            let fields = request.head.headerFields
            request.client.real = try RealAddress.resolve(
                setting: settings.webRealIPHeader, peer: request.client.peer,
                trustedProxies: settings.trustedProxies
            ) { name in HTTPField.Name(name).flatMap { fields[$0] } }
            if !RealAddress.isTrusted(peer: request.client.peer, trustedProxies: settings.trustedProxies) {
                request.head.headerFields[.xForwardedProto] = nil
            }
            response = isBlocked(request.client.real) ? BlockPage.response : await entry(request)
        } catch {
            // The routes below /api say `success` as they always do; the others never had it (`mcp.md` 1.1).
            var body: JSONObject = ["error": .string(RealAddress.HeaderMissing.text)]
            if request.path.hasPrefix("/api") { body["success"] = false }
            response = .json(.ok, .object(body))
        }
        AccessLog.write(request, response.head.status, took: began.duration(to: .now), to: logger)
        return response
    }
}
