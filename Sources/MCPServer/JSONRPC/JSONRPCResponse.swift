/// The answer to a request. Where the request had no readable id, neither has the response: a `null` is never made up
/// (`mcp.md` 1.3).
public struct JSONRPCResponse: Sendable, Hashable {
    public enum Outcome: Sendable, Hashable {
        case result(JSONValue)
        case error(JSONRPCError)
    }

    public var id: JSONRPCID?
    public var outcome: Outcome

    public init(id: JSONRPCID?, outcome: Outcome) {
        self.id = id
        self.outcome = outcome
    }

    public static func success(id: JSONRPCID?, _ result: JSONValue) -> JSONRPCResponse {
        JSONRPCResponse(id: id, outcome: .result(result))
    }

    public static func failure(id: JSONRPCID?, _ error: JSONRPCError) -> JSONRPCResponse {
        JSONRPCResponse(id: id, outcome: .error(error))
    }

    public static func failure(_ error: JSONRPCEnvelopeError) -> JSONRPCResponse {
        .failure(id: error.id, error.error)
    }

    public var json: JSONValue {
        var object: JSONObject = ["jsonrpc": "2.0"]
        object["id"] = id?.json
        switch outcome {
        case .result(let result): object["result"] = result
        case .error(let error): object["error"] = error.json
        }
        return .object(object)
    }

    public func serialized() -> [UInt8] { json.serialized() }

    /// The bytes of a successful response whose result is written by `result`: an object, with its braces.
    static func serialized(id: JSONRPCID?, result: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.write(raw: #"{"jsonrpc":"2.0","#)
        if let id {
            writer.write(raw: #""id":"#)
            writer.write(id.json)
            writer.write(raw: ",")
        }
        writer.write(raw: #""result":"#)
        result(&writer)
        writer.write(raw: "}")
        return writer.finish()
    }
}
