/// A message from us that expects no answer, such as `notifications/progress` in an event stream.
public struct JSONRPCNotification: Sendable, Hashable {
    public var method: String
    public var params: JSONObject?

    public init(method: String, params: JSONObject? = nil) {
        self.method = method
        self.params = params
    }

    public var json: JSONValue {
        var object: JSONObject = ["jsonrpc": "2.0", "method": .string(method)]
        object["params"] = params.map(JSONValue.object)
        return .object(object)
    }

    public func serialized() -> [UInt8] { json.serialized() }
}
