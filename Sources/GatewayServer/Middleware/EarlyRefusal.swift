import HTTP
import JSON
import MCPServer

/// Refusals in JSON that come before a path's owner sees the request.
enum EarlyRefusal {
    static func json(
        _ status: HTTPResponse.Status, _ text: String, at rule: PathRule, fields: HTTPFields = [:]
    ) -> OutboundResponse {
        var body: JSONObject = ["error": .string(text)]
        // The routes below /api say `success` as they always do; the others never had it (`mcp.md` 1.1).
        if rule.refusal == .envelope { body["success"] = false }
        return .json(status, .object(body), fields: fields)
    }
}
