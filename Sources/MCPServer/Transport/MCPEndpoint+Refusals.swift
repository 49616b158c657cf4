package import HTTP
import JSON
import Primitives
package import Settings

/// The answers of the refusal matrix (`mcp.md` 1.2).
extension MCPEndpoint {
    static let originRefused = OutboundResponse.json(
        .forbidden, ["error": "ApiErrorForbidden: origin not allowed"])

    static let methodNotAllowed = OutboundResponse.json(
        .methodNotAllowed,
        ["error": "MCP endpoint only accepts POST (Streamable HTTP without standalone SSE / sessions)"],
        fields: [.allow: "POST"])

    static let notFound = OutboundResponse.json(.notFound, ["success": false, "error": "404 Not Found"])

    static let tooLarge = OutboundResponse.json(
        .contentTooLarge,
        bytes: JSONRPCResponse.failure(
            id: nil,
            JSONRPCError(code: .invalidRequest, message: "request body exceeds MCP envelope size limit")
        ).serialized())

    static func tokenRefused(_ refusal: TokenAuthenticator.Refusal) -> OutboundResponse {
        .json(
            .unauthorized, ["error": .string("ApiErrorUnauthorized: \(refusal.rawValue)")],
            fields: [.wwwAuthenticate: #"Bearer realm="nezha-mcp", error="invalid_token""#])
    }

    func noToken(_ request: InboundRequest) -> OutboundResponse {
        error(
            request, status: .unauthorized, id: nil, .unauthorized, "missing or invalid API token",
            fields: [.wwwAuthenticate: #"Bearer realm="nezha-mcp""#])
    }

    func disabled(_ request: InboundRequest, id: JSONRPCID?) -> OutboundResponse {
        error(
            request, status: request.isStateless ? .forbidden : .ok, id: id, .unavailable,
            ToolFailure.mcpDisabled.message)
    }

    func limited(_ request: InboundRequest, id: JSONRPCID?, _ seconds: Int) -> OutboundResponse {
        error(
            request, status: .tooManyRequests, id: id, .unavailable,
            ToolFailure.rateLimited(retryAfterSeconds: seconds).message, fields: [.retryAfter: String(seconds)])
    }

    /// Revision 2026-07-28 keeps the codes −32768 to −32000 for itself, so its clients get −31001 and −31002.
    private func error(
        _ request: InboundRequest, status: HTTPResponse.Status, id: JSONRPCID?, _ code: JSONRPCErrorCode,
        _ message: String, fields: HTTPFields = [:]
    ) -> OutboundResponse {
        let code = request.isStateless ? JSONRPCErrorCode(rawValue: code.rawValue + 1000) : code
        let error = JSONRPCError(code: code, message: message)
        return .json(status, bytes: JSONRPCResponse.failure(id: id, error).serialized(), fields: fields)
    }

    /// Whether a request may come in; asked for all MCP routes (`mcp.md` 2).
    static func isAdmitted(_ request: InboundRequest, _ settings: SharedSettings) -> Bool {
        // What programs send has no origin, and most gateways name no hosts.
        if settings.value.mcpAllowedHosts.isEmpty, !request.head.headerFields.contains(.origin) { return true }
        let origin = request.head.headerFields[.origin]
        return OriginGuard(settings.value).allows(origin: origin, authority: request.head.authority)
    }

    /// Whether a request of a browser may come in on the other routes that browsers call from any page.
    package static func isOriginAllowed(_ request: InboundRequest, _ settings: GatewaySettings) -> Bool {
        guard let origin = request.head.headerFields[.origin] else { return true }
        return OriginGuard(settings, hosts: false).allows(origin: origin, authority: request.head.authority)
    }

    /// Whether a request was sent by a page of another site, which may not log the browser in as somebody of its choice.
    /// Browsers say so themselves over TLS; without TLS the origin tells.
    package static func isFromForeignPage(_ request: InboundRequest, _ settings: GatewaySettings) -> Bool {
        let fields = request.head.headerFields
        let origin = fields[.origin]
        if let site = fields[.secFetchSite] {
            guard site == "cross-site" else { return false }
            return !(origin.map { OriginGuard(settings, hosts: false).lists(origin: $0) } ?? false)
        }
        guard let origin else { return false }
        var settings = settings
        // Behind a proxy on this machine the host is the proxy's public one.
        settings.listenHost = ""
        return !OriginGuard(settings, hosts: false).allows(origin: origin, authority: request.head.authority)
    }

    /// To a body in a coding such as gzip, of which nothing can be read.
    func codingRefused(_ coding: String) -> OutboundResponse {
        let error = JSONRPCError(code: .invalidRequest, message: InboundRequest.codingRefusal(coding))
        return .json(
            .unsupportedMediaType, bytes: JSONRPCResponse.failure(id: .null, error).serialized(),
            fields: [.acceptEncoding: "identity"])
    }
}

extension InboundRequest {
    /// Whether the header names a revision without handshake, when the body is not (or cannot be) read.
    var isStateless: Bool {
        head.headerFields[.mcpProtocolVersion].map { MCPProtocol.statelessVersions.contains($0) } ?? false
    }

    /// `scheme://host` that clients reach us by: the setting, else as this one wrote it (`mcp.md` 4.10).
    package func baseURL(_ settings: GatewaySettings) -> String { baseURL(publicURL: settings.publicURL) }

    /// - Parameter own: the setting.
    package func baseURL(publicURL own: String) -> String {
        own.isEmpty ? baseURL : own.utf8.last == UInt8(ascii: "/") ? String(own.dropLast()) : own
    }

    /// The coding of the body, where it has one: nothing here reads any.
    package var foreignCoding: String? {
        guard let coding = head.headerFields[.contentEncoding]?.trimmingBlanks(), !coding.isEmpty,
            coding.lowercased() != "identity"
        else { return nil }
        return String(coding)
    }

    package static func codingRefusal(_ coding: String) -> String {
        "Content-Encoding \(coding.cut(toBytes: 32)) is not supported; send the body as it is"
    }

    /// Whether the media type of the body begins so; `type` in lower case.
    package func hasContentType(_ type: String) -> Bool {
        guard let given = head.headerFields[.contentType]?.trimmingBlanks(), given.utf8.count >= type.utf8.count else {
            return false
        }
        return zip(given.utf8, type.utf8).allSatisfy { $0.asciiLowercased == $1 }
    }

    /// `scheme://host` as the client wrote it.
    package var baseURL: String {
        let forwarded = head.headerFields[.xForwardedProto]?.lowercased() == "https"
        return (isSecure || forwarded ? "https://" : "http://") + (head.authority ?? "localhost")
    }
}
