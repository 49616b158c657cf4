package import JSON

/// The answer to a request. Where the request had no readable id, the response says `null` if that is because the body
/// could not be read (JSON-RPC 2.0, section 5), else it has none (`mcp.md` 1.3).
package struct JSONRPCResponse: Sendable, Hashable {
    package enum Outcome: Sendable, Hashable {
        case result(JSONValue)
        case error(JSONRPCError)
    }

    package var id: JSONRPCID?
    package var outcome: Outcome

    package init(id: JSONRPCID?, outcome: Outcome) {
        self.id = id
        self.outcome = outcome
    }

    package static func success(id: JSONRPCID?, _ result: JSONValue) -> JSONRPCResponse {
        JSONRPCResponse(id: id, outcome: .result(result))
    }

    package static func failure(id: JSONRPCID?, _ error: JSONRPCError) -> JSONRPCResponse {
        JSONRPCResponse(id: id, outcome: .error(error))
    }

    package static func failure(_ error: JSONRPCEnvelopeError) -> JSONRPCResponse {
        .failure(id: error.id ?? (error.isUnreadable ? .null : nil), error.error)
    }

    package var json: JSONValue {
        var object: JSONObject = ["jsonrpc": "2.0"]
        object["id"] = id?.json
        switch outcome {
        case .result(let result): object["result"] = result
        case .error(let error): object["error"] = error.json
        }
        return .object(object)
    }

    package func serialized() -> [UInt8] { json.serialized() }

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
