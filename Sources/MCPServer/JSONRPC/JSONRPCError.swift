package import JSON

/// The error object of a response.
package struct JSONRPCError: Error, Sendable, Hashable {
    package var code: JSONRPCErrorCode
    package var message: String
    /// Left out of the response when `nil`.
    package var data: JSONValue?

    package init(code: JSONRPCErrorCode, message: String, data: JSONValue? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }

    package var json: JSONValue {
        var object: JSONObject = ["code": .integer(Int64(code.rawValue)), "message": .string(message)]
        object["data"] = data
        return .object(object)
    }
}
