import HTTP
import JSON
import Settings
import Storage
import Synchronization
import Testing

@testable import MCPServer

/// A gateway with one member, whose token sends messages to `POST /mcp`.
struct MCPScene: Sendable {
    let gateway: TestGateway
    let owner: UserRecord
    let secret: String

    init(
        _ settings: GatewaySettings = .enabled, scopes: [String] = ["nezha:server:*"], servers: Int = 0,
        listing: (([Int64]) -> [Int64])? = nil
    ) async throws {
        gateway = try await TestGateway(settings: settings)
        owner = try await gateway.user("owner")
        var ids: [Int64] = []
        for _ in 0..<servers { ids.append(try await gateway.server(of: owner.id).id) }
        secret = try await gateway.issuer.issue(
            TokenIssuer.Request(name: "ci", scopes: scopes, serverIDs: listing?(ids) ?? []), for: UserIdentity(owner)
        ).secret
        try await gateway.identity.refresh()
    }

    func post(_ method: String, _ params: JSONObject = [:], query: String = "") async throws -> JSONValue {
        let message: JSONValue = [
            "jsonrpc": "2.0", "id": 1, "method": .string(method), "params": .object(params),
        ]
        let body = Mutex<[UInt8]?>(message.serialized())
        let head = HTTPRequest(
            method: .post, scheme: "http", authority: "gateway.test", path: "/mcp" + query,
            headerFields: [.authorization: "Bearer \(secret)"])
        let response = await gateway.endpoint().handle(
            InboundRequest(
                head: head, id: "r-1", client: ClientAddress(peer: nil, real: nil), isSecure: false,
                body: RequestBody { body.withLock { $0.take() } }))
        return try JSONParser.parse(try await TransferHTTP.bytes(response))
    }

    func call(_ tool: String, _ arguments: JSONValue = [:]) async throws -> JSONValue {
        try await post("tools/call", ["name": .string(tool), "arguments": arguments])
    }

    func tools(query: String = "") async throws -> [JSONValue] {
        try #require(try await post("tools/list", query: query)["result"]?["tools"]?.arrayValue)
    }

    func names(query: String = "") async throws -> [String] {
        try await tools(query: query).compactMap { $0["name"]?.stringValue }
    }
}
