/// The error object of a response.
public struct JSONRPCError: Error, Sendable, Hashable {
    public var code: JSONRPCErrorCode
    public var message: String
    /// Left out of the response when `nil`.
    public var data: JSONValue?

    public init(code: JSONRPCErrorCode, message: String, data: JSONValue? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }

    public var json: JSONValue {
        var object: JSONObject = ["code": .integer(Int64(code.rawValue)), "message": .string(message)]
        object["data"] = data
        return .object(object)
    }
}
