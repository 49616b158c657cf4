package import JSON

/// A message from us that expects no answer, such as `notifications/progress` in an event stream.
package struct JSONRPCNotification: Sendable, Hashable {
    package var method: String
    package var params: JSONObject?

    package init(method: String, params: JSONObject? = nil) {
        self.method = method
        self.params = params
    }

    package var json: JSONValue {
        var object: JSONObject = ["jsonrpc": "2.0", "method": .string(method)]
        object["params"] = params.map(JSONValue.object)
        return .object(object)
    }

    package func serialized() -> [UInt8] { json.serialized() }
}
