import HTTP
import JSON
import Testing

@testable import MCPServer

@Suite("Protocol revisions (mcp.md 10.2)")
struct MCPEraTests {
    static let stateless = "2026-07-28"

    private func message(
        _ method: String, version: JSONValue? = nil, capabilities: JSONValue? = [:], name: String? = nil
    ) -> JSONRPCRequest {
        var params = JSONObject()
        if let name { params["name"] = .string(name) }
        if let version {
            var meta: JSONObject = [MCPProtocol.Meta.protocolVersion: version]
            meta[MCPProtocol.Meta.clientCapabilities] = capabilities
            params["_meta"] = .object(meta)
        }
        return JSONRPCRequest(id: .string("1"), method: method, params: .object(params))
    }

    private func fields(version: String? = nil, method: String? = nil, name: String? = nil) -> HTTPFields {
        var fields = HTTPFields()
        fields[.mcpProtocolVersion] = version
        fields[.mcpMethod] = method
        fields[.mcpName] = name
        return fields
    }

    private func code(_ message: JSONRPCRequest, _ fields: HTTPFields) -> Int? {
        do {
            _ = try MCPEra.of(message, fields)
            return nil
        } catch {
            #expect(error.status == .badRequest)
            return error.error.code.rawValue
        }
    }

    @Test("without a version in the body, known header values mean a handshake")
    func handshake() throws {
        #expect(try MCPEra.of(message("tools/list"), fields()) == .handshake)
        for version in MCPProtocol.handshakeVersions {
            #expect(try MCPEra.of(message("tools/list"), fields(version: version)) == .handshake)
        }
    }

    @Test("an unknown header value is refused, never with a code of the stateless revision")
    func unknownHeader() {
        #expect(code(message("tools/list"), fields(version: "1999-01-01")) == -32600)
        #expect(code(message("tools/list"), fields(version: Self.stateless)) == -32602)
    }

    @Test("initialize is a handshake, unless body and header both speak a revision without one")
    func initialize() throws {
        let mixed = message("initialize", version: .string(Self.stateless))
        #expect(try MCPEra.of(mixed, fields(version: "nonsense")) == .handshake)
        #expect(try MCPEra.of(mixed, fields()) == .handshake)
        #expect(try MCPEra.of(message("initialize"), fields(version: Self.stateless)) == .handshake)
        #expect(
            try MCPEra.of(mixed, fields(version: Self.stateless)) == .stateless(version: Self.stateless))
    }

    @Test("a stateless request needs body and headers to agree")
    func agreement() throws {
        let call = message("tools/call", version: .string(Self.stateless), name: "server.list")
        let right = fields(version: Self.stateless, method: "tools/call", name: "server.list")
        #expect(try MCPEra.of(call, right) == .stateless(version: Self.stateless))

        for wrong in [
            fields(version: nil, method: "tools/call", name: "server.list"),
            fields(version: "2025-11-25", method: "tools/call", name: "server.list"),
            fields(version: Self.stateless, method: nil, name: "server.list"),
            fields(version: Self.stateless, method: "tools/list", name: "server.list"),
            fields(version: Self.stateless, method: "tools/call", name: nil),
            fields(version: Self.stateless, method: "tools/call", name: "server.get"),
            fields(version: Self.stateless, method: "tools/call", name: "=?base64?c2VydmVyLmxpc3R=?="),
        ] { #expect(code(call, wrong) == -32020) }
    }

    @Test("names may come wrapped in base64")
    func wrappedName() throws {
        let call = message("tools/call", version: .string(Self.stateless), name: "server.list")
        let wrapped = fields(
            version: Self.stateless, method: "tools/call", name: "=?base64?c2VydmVyLmxpc3Q=?=")
        #expect(try MCPEra.of(call, wrapped) == .stateless(version: Self.stateless))
    }

    @Test("an unsupported revision is answered with the supported ones")
    func unsupported() throws {
        let future = message("server/discover", version: "2099-01-01")
        let error = #expect(throws: MCPEraRefusal.self) {
            try MCPEra.of(future, fields(version: "2099-01-01", method: "server/discover"))
        }
        #expect(error?.error.code.rawValue == -32022)
        #expect(error?.error.data?["requested"] == "2099-01-01")
        #expect(error?.error.data?["supported"]?.arrayValue?.contains(.string(Self.stateless)) == true)
    }

    @Test("client capabilities are demanded, and a version is a text")
    func envelope() {
        let headers = fields(version: Self.stateless, method: "tools/list")
        #expect(code(message("tools/list", version: .string(Self.stateless), capabilities: nil), headers) == -32602)
        #expect(code(message("tools/list", version: .string(Self.stateless), capabilities: 1), headers) == -32602)
        #expect(code(message("tools/list", version: 20_260_728), headers) == -32602)
    }
}
