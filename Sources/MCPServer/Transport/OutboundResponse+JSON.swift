package import HTTP
package import JSON

extension OutboundResponse {
    /// A JSON document, `application/json; charset=utf-8` (`mcp.md` 1.1).
    package static func json(
        _ status: HTTPResponse.Status = .ok, _ value: JSONValue, fields: HTTPFields = [:]
    ) -> OutboundResponse {
        json(status, bytes: value.serialized(), fields: fields)
    }
}
