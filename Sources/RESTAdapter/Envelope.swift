import HTTP
package import MCPServer

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
package struct Page: Sendable, Hashable {
    package var value: [JSONValue]
    package var window: PageWindow
    /// Of all rows.
    package var total: Int64

    package init(value: [JSONValue], window: PageWindow, total: Int64) {
        self.value = value
        self.window = window
        self.total = total
    }

    package var json: JSONValue {
        [
            "value": .array(value),
            "pagination": [
                "offset": .integer(window.offset), "limit": .integer(window.limit), "total": .integer(total),
            ],
        ]
    }
}

/// Which rows a page holds.
package struct PageWindow: Sendable, Hashable {
    package static let defaultLimit: Int64 = 25

    package let offset: Int64
    package let limit: Int64

    /// - Parameters:
    ///   - limit: as in the query; missing, no number or less than 1 counts as 25. There is no maximum.
    ///   - offset: as in the query; missing, no number or negative counts as 0.
    package init(limit: String?, offset: String?) {
        let limit = limit.flatMap { Int64($0) } ?? 0
        self.limit = limit < 1 ? Self.defaultLimit : limit
        self.offset = max(0, offset.flatMap { Int64($0) } ?? 0)
    }
}
