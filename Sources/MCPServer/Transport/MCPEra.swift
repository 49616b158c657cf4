import HTTPTypes

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
    /// The revision, where the body names it.
    var version: String? {
        guard case .stateless(let version) = self else { return nil }
        return version
    }

    /// Reads the revision from body and headers, which must agree.
    static func of(_ message: JSONRPCRequest, _ fields: HTTPFields) throws(MCPEraRefusal) -> MCPEra {
        guard message.method != "initialize", let named = message.meta?[MCPProtocol.Meta.protocolVersion] else {
            return try handshake(message, fields)
        }
        guard case .string(let version) = named else {
            throw refusal(.invalidParams, "_meta.\(MCPProtocol.Meta.protocolVersion): must be a string")
        }
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

    private static func handshake(
        _ message: JSONRPCRequest, _ fields: HTTPFields
    ) throws(MCPEraRefusal) -> MCPEra {
        guard message.method != "initialize", let header = fields[.mcpProtocolVersion] else { return .handshake }
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
        guard HeaderText.decode(fields[.mcpMethod]) == message.method else {
            throw refusal(.headerMismatch, "Mcp-Method header must equal the method")
        }
        guard message.method == "tools/call" else { return }
        guard let name = message.params?["name"]?.stringValue, HeaderText.decode(fields[.mcpName]) == name else {
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
        guard let bytes = Base64.decode(payload) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// RFC 4648 base64 with padding; only the canonical spelling is accepted.
enum Base64 {
    static func decode(_ text: [UInt8]) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        for start in stride(from: 0, to: text.count, by: 4) {
            let isLast = start + 4 == text.count
            let padding = isLast ? text[start..<start + 4].reversed().prefix { $0 == UInt8(ascii: "=") }.count : 0
            guard padding <= 2 else { return nil }
            var bits: UInt32 = 0
            for index in start..<start + 4 - padding {
                guard let digit = digit(text[index]) else { return nil }
                bits = bits << 6 | digit
            }
            bits <<= 6 * UInt32(padding)
            // Bits that no byte takes must be zero, else several spellings meant the same.
            guard bits & ((1 << (8 * UInt32(padding))) - 1) == 0 else { return nil }
            for byte in 0..<3 - padding { bytes.append(UInt8(truncatingIfNeeded: bits >> (16 - 8 * UInt32(byte)))) }
        }
        return bytes
    }

    private static func digit(_ character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
