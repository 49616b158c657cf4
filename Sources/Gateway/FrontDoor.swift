import GatewayServer
import HTTP
import Logging
import MCPServer

/// What every HTTP request passes first: what its proxy says of it → block list → access log (`mcp.md` 1.1).
struct FrontDoor: Sendable {
    let settings: any SettingsStore
    let block: @Sendable (_ ip: String?) -> StrikeBook.Block?
    /// Whether a request carries a token that is good.
    let hasToken: @Sendable (InboundRequest) async -> Bool
    let logger: Logger
    let entry: @Sendable (InboundRequest) async -> OutboundResponse

    /// What load balancers ask; answered without a credential, a log line or a row.
    private static let healthPath = "/healthz"

    func answer(_ request: InboundRequest) async -> OutboundResponse {
        if request.path == Self.healthPath, request.head.method == .get || request.head.method == .head {
            return .text(.ok, "ok", fields: [.cacheControl: "no-store"])
        }
        return await answerLogged(request.withPlainFields)
    }

    private func answerLogged(_ request: InboundRequest) async -> OutboundResponse {
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
            if let block = block(request.client.real), !(await passes(request, block)) {
                response = BlockPage.response(to: request, seconds: block.seconds)
            } else {
                response = await entry(request)
            }
        } catch {
            // The routes below /api say `success` as they always do; the others never had it (`mcp.md` 1.1).
            var body: JSONObject = ["error": .string(RealAddress.HeaderMissing.text)]
            if request.path.hasPrefix("/api") { body["success"] = false }
            response = .json(.ok, .object(body))
        }
        AccessLog.write(request, response.head.status, took: began.duration(to: .now), to: logger)
        return response
    }

    /// Behind one address may be many, and one of them who fails must not stop the others' programs: whoever shows a good
    /// token has nothing to guess.
    private func passes(_ request: InboundRequest, _ block: StrikeBook.Block) async -> Bool {
        guard !block.isByHand, BlockPage.isForPrograms(request.path) else { return false }
        return await hasToken(request)
    }
}

extension InboundRequest {
    /// With a question mark for each byte of a field that is not ASCII, `User-Agent` apart, which is only hashed. None
    /// that is read here may hold anything else, and comparing or splitting such a text can take time that grows with the
    /// square of its length. The field stays, so that a credential that cannot be one is refused as a wrong one.
    fileprivate var withPlainFields: InboundRequest {
        let fields = head.headerFields
        guard fields.contains(where: { !$0.isPlain }) else { return self }
        var request = self
        request.head.headerFields = HTTPFields(fields.map { $0.name == .userAgent ? $0 : $0.plain })
        return request
    }
}

extension HTTPField {
    fileprivate var isPlain: Bool { value.utf8.allSatisfy { $0 < 0x80 } }

    fileprivate var plain: HTTPField {
        guard !isPlain else { return self }
        let bytes = value.utf8.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }
        return HTTPField(name: name, value: String(decoding: bytes, as: UTF8.self))
    }
}
