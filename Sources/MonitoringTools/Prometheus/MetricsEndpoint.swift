package import HTTP
package import MCPServer
import Monitoring

/// `GET /metrics` on the gateway's own port, for administrators' tokens with `nezha:admin:*`; everybody's on a listen
/// address of its own (`metrics_listen`), which only Prometheus should reach.
package struct MetricsEndpoint: Sendable {
    private let metrics: GatewayMetrics
    private let tokens: TokenAuthenticator
    private let gate: AccessGate

    package init(_ metrics: GatewayMetrics, core: GatewayCore) {
        self.metrics = metrics
        tokens = core.tokens
        gate = core.gate
    }

    /// The document for whoever shows a token that may see it.
    package func handle(_ request: InboundRequest) async -> OutboundResponse {
        guard Self.isRead(request) else { return .text(.notFound, "404 Not Found") }
        let authorization = request.head.headerFields[.authorization]
        switch await tokens.authenticate(authorization: authorization, client: request.client) {
        case .absent:
            return Self.refusal(.unauthorized, "a token with the scope nezha:admin:* is needed")
        case .refused(let refusal):
            return Self.refusal(.unauthorized, refusal.rawValue)
        case .accepted(let principal):
            request.isOf(principal)
            do throws(ToolFailure) {
                try gate.checkAccess(.administrator, principal)
            } catch {
                return Self.refusal(.forbidden, error.message)
            }
            return await document()
        }
    }

    /// The document without a credential, for the listen address of its own.
    package func handleUnguarded(_ request: InboundRequest) async -> OutboundResponse {
        guard Self.isRead(request), request.path.utf8.elementsEqual("/metrics".utf8) else {
            return .text(.notFound, "404 Not Found")
        }
        return await document()
    }

    private func document() async -> OutboundResponse {
        OutboundResponse(
            head: HTTPResponse(
                status: .ok, headerFields: [.contentType: PrometheusText.contentType, .cacheControl: "no-store"]),
            body: .bytes(await metrics.document()))
    }

    private static func isRead(_ request: InboundRequest) -> Bool {
        request.head.method == .get || request.head.method == .head
    }

    private static func refusal(_ status: HTTPResponse.Status, _ text: String) -> OutboundResponse {
        var fields: HTTPFields = [.cacheControl: "no-store"]
        if status == .unauthorized { fields[.wwwAuthenticate] = "Bearer" }
        return .text(status, text + "\n", fields: fields)
    }
}
