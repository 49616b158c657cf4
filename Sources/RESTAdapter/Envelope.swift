import HTTPTypes
public import MCPServer

/// The form of every JSON answer below `/api` (`rest-details.md` 1). `success` is always written.
enum Envelope {
    /// - Parameter data: `nil` for a call that has no result.
    static func success(_ data: JSONValue?) -> JSONValue {
        var object: JSONObject = ["success": true]
        if let data { object["data"] = data }
        return .object(object)
    }

    static func failure(_ text: String) -> JSONValue {
        ["success": false, "error": .string(text)]
    }

    /// Answers carry what only this caller may see, so nothing on the way keeps them.
    static func response(
        _ status: HTTPResponse.Status = .ok, _ value: JSONValue, fields: HTTPFields = [:]
    ) -> OutboundResponse {
        var fields = fields
        fields[.cacheControl] = "no-store"
        return .json(status, value, fields: fields)
    }
}

/// One page of a long list, the `data` of `GET /waf` and `GET /online-user`.
public struct Page: Sendable, Hashable {
    public var value: [JSONValue]
    public var window: PageWindow
    /// Of all rows.
    public var total: Int64

    public init(value: [JSONValue], window: PageWindow, total: Int64) {
        self.value = value
        self.window = window
        self.total = total
    }

    public var json: JSONValue {
        [
            "value": .array(value),
            "pagination": [
                "offset": .integer(window.offset), "limit": .integer(window.limit), "total": .integer(total),
            ],
        ]
    }
}

/// Which rows a page holds.
public struct PageWindow: Sendable, Hashable {
    public static let defaultLimit: Int64 = 25

    public let offset: Int64
    public let limit: Int64

    /// - Parameters:
    ///   - limit: as in the query; missing, no number or less than 1 counts as 25. There is no maximum.
    ///   - offset: as in the query; missing, no number or negative counts as 0.
    public init(limit: String?, offset: String?) {
        let limit = limit.flatMap { Int64($0) } ?? 0
        self.limit = limit < 1 ? Self.defaultLimit : limit
        self.offset = max(0, offset.flatMap { Int64($0) } ?? 0)
    }
}
