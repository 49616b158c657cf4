import HTTP
import JSON
import Primitives
import Secrets

/// Which revision of the protocol a request speaks, decided by its body (`mcp.md` 10.2).
enum MCPEra: Sendable, Hashable {
    /// 2024-11-05 to 2025-11-25: begins with `initialize`.
    case handshake
    /// From 2026-07-28 on: each request stands alone.
    case stateless(version: String)
}

/// A request that names its revision wrongly.
struct MCPEraRefusal: Error, Sendable, Hashable {
    var status: HTTPResponse.Status
    var error: JSONRPCError
}

extension MCPEra {
    /// Bytes of a revision that are looked at.
    static let versionLimit = 64

    /// The revision, where the body names it.
    var version: String? {
        guard case .stateless(let version) = self else { return nil }
        return version
    }

    /// Reads the revision from body and headers, which must agree.
    static func of(_ message: JSONRPCRequest, _ fields: HTTPFields) throws(MCPEraRefusal) -> MCPEra {
        if message.method == "initialize" { return ofInitialize(message, fields) }
        guard let named = message.meta?[MCPProtocol.Meta.protocolVersion] else {
            return try handshake(message, fields)
        }
        guard case .string(let given) = named else {
            throw refusal(.invalidParams, "_meta.\(MCPProtocol.Meta.protocolVersion): must be a string")
        }
        // No revision is near it, and comparing a longer text could take long.
        let version = given.cut(toBytes: Self.versionLimit)
        try checkHeaders(message, fields, version: version)
        guard MCPProtocol.statelessVersions.contains(version) else {
            let supported = MCPProtocol.handshakeVersions + MCPProtocol.statelessVersions
            throw refusal(
                .unsupportedProtocolVersion, "unsupported protocol version",
                data: [
                    "supported": .array(supported.map { .string($0) }), "requested": .string(version),
                ])
        }
        guard case .object? = message.meta?[MCPProtocol.Meta.clientCapabilities] else {
            throw refusal(.invalidParams, "_meta.\(MCPProtocol.Meta.clientCapabilities): required, an object")
        }
        return .stateless(version: version)
    }

    /// A handshake, unless body and header both speak a revision that has none; there it is an unknown method.
    private static func ofInitialize(_ message: JSONRPCRequest, _ fields: HTTPFields) -> MCPEra {
        guard case .string(let version)? = message.meta?[MCPProtocol.Meta.protocolVersion],
            version.utf8.count <= Self.versionLimit, MCPProtocol.statelessVersions.contains(version),
            fields[.mcpProtocolVersion] == version
        else { return .handshake }
        return .stateless(version: version)
    }

    private static func handshake(
        _ message: JSONRPCRequest, _ fields: HTTPFields
    ) throws(MCPEraRefusal) -> MCPEra {
        guard let header = fields[.mcpProtocolVersion] else { return .handshake }
        if MCPProtocol.statelessVersions.contains(header) {
            throw refusal(
                .invalidParams,
                "_meta.\(MCPProtocol.Meta.protocolVersion): required, as the MCP-Protocol-Version header names a "
                    + "revision without handshake")
        }
        guard MCPProtocol.handshakeVersions.contains(header) else {
            throw refusal(.invalidRequest, "MCP-Protocol-Version: unknown revision")
        }
        return .handshake
    }

    private static func checkHeaders(
        _ message: JSONRPCRequest, _ fields: HTTPFields, version: String
    ) throws(MCPEraRefusal) {
        guard fields[.mcpProtocolVersion] == version else {
            throw refusal(.headerMismatch, "MCP-Protocol-Version header must equal the version in _meta")
        }
        guard HeaderText.decode(fields[.mcpMethod]).map({ ExactText.areEqual($0, message.method) }) ?? false else {
            throw refusal(.headerMismatch, "Mcp-Method header must equal the method")
        }
        guard message.method == "tools/call" else { return }
        guard let name = message.params?["name"]?.stringValue,
            let told = HeaderText.decode(fields[.mcpName]), ExactText.areEqual(told, name)
        else {
            throw refusal(.headerMismatch, "Mcp-Name header must equal params.name")
        }
    }

    private static func refusal(
        _ code: JSONRPCErrorCode, _ message: String, data: JSONValue? = nil
    ) -> MCPEraRefusal {
        MCPEraRefusal(status: .badRequest, error: JSONRPCError(code: code, message: message, data: data))
    }
}

/// Header values that may be wrapped as `=?base64?…?=` where plain ASCII does not hold them.
enum HeaderText {
    /// - Returns: `nil` for an absent value, and for a wrapped one that is no canonical base64 of UTF-8.
    static func decode(_ value: String?) -> String? {
        guard let value else { return nil }
        guard value.hasPrefix("=?base64?"), value.hasSuffix("?="), value.utf8.count >= 11 else { return value }
        let payload = Array(value.utf8.dropFirst(9).dropLast(2))
        guard let bytes = Base64.standard.decode(payload) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
