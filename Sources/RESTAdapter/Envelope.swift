import HTTP
import JSON
import MCPServer

/// The form of every JSON answer below `/api` (`rest-details.md` 1). `success` is always written.
enum Envelope {
    /// - Parameter data: `nil` for a call that has no result.
    static func success(_ data: JSONValue?) -> JSONValue {
        var object: JSONObject = ["success": true]
        if let data { object["data"] = data }
        return .object(object)
    }

    /// As ``success(_:)`` of a list whose elements are written already.
    static func success(_ records: [[UInt8]]) -> [UInt8] {
        var bytes = success(.array([])).serialized()
        let end: [UInt8] = [UInt8(ascii: "]"), UInt8(ascii: "}")]
        bytes.removeLast(end.count)
        bytes.reserveCapacity(bytes.count + records.reduce(end.count) { $0 + $1.count + 1 })
        for (place, record) in records.enumerated() {
            if place > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += record
        }
        bytes += end
        return bytes
    }

    static func failure(_ text: String) -> JSONValue {
        ["success": false, "error": .string(text)]
    }

    /// Answers carry what only this caller may see, so nothing on the way keeps them.
    static func response(
        _ status: HTTPResponse.Status = .ok, _ value: JSONValue, fields: HTTPFields = [:]
    ) -> OutboundResponse {
        response(status, bytes: value.serialized(), fields: fields)
    }

    /// - Parameter bytes: the JSON text.
    static func response(
        _ status: HTTPResponse.Status = .ok, bytes: [UInt8], fields: HTTPFields = [:]
    ) -> OutboundResponse {
        var fields = fields
        fields[.cacheControl] = "no-store"
        return .json(status, bytes: bytes, fields: fields)
    }
}
