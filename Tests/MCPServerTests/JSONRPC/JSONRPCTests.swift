import JSON
import MCPServer
import Testing

@Suite("JSON-RPC")
struct JSONRPCTests {
    private func request(_ text: String) throws -> JSONRPCRequest { try JSONRPCRequest(parsing: Array(text.utf8)) }

    @Test(
        "ids are echoed as sent",
        arguments: [
            "1", "-0", "1.0", "1e3", "123456789012345678901234567890", "\"\"", "\"a\\\"b\"", "\"1\"", "null", "0",
        ])
    func echoesIDs(id: String) throws {
        let request = try request(#"{"jsonrpc":"2.0","id":\#(id),"method":"ping"}"#)
        #expect(!request.isNotification)
        let response = JSONRPCResponse.success(id: request.id, [:])
        #expect(String(decoding: response.serialized(), as: UTF8.self) == #"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#)
        #expect(request.id?.description == id)
    }

    @Test("a message without id is a notification, and its answer has no id either")
    func notifications() throws {
        let request = try request(#"{"jsonrpc":"2.0","method":"notifications/initialized","extra":1}"#)
        #expect(request.isNotification)
        #expect(request.params == nil)
        #expect(request.meta == nil)
        #expect(JSONRPCResponse.success(id: request.id, 1).json == ["jsonrpc": "2.0", "result": 1])
    }

    @Test("params, _meta and the bytes of the arguments are at hand")
    func params() throws {
        let text =
            #"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"_meta":{"v":"2026-07-28"},"arguments": {"a": 1}}}"#
        let request = try request(text)
        #expect(request.meta?["v"] == "2026-07-28")
        #expect(request.params?["arguments"] == ["a": 1])
        let range = try #require(request.argumentsRange)
        #expect(String(decoding: Array(text.utf8)[range], as: UTF8.self) == #"{"a": 1}"#)
        #expect(try self.request(#"{"jsonrpc":"2.0","method":"m","params":null}"#).params == nil)
        #expect(try self.request(#"{"jsonrpc":"2.0","method":"m","params":[1]}"#).params == [1])
    }

    @Test(
        "a body that is no request has its own clean error",
        arguments: [
            ("", -32700, nil, "invalid json-rpc envelope: unexpected end of input at byte 0"),
            ("{", -32700, nil, "invalid json-rpc envelope: unexpected end of input at byte 1"),
            ("[]", -32700, nil, "invalid json-rpc envelope: batches are not supported"),
            ("3", -32700, nil, "invalid json-rpc envelope: expected object, found number"),
            (
                #"{"jsonrpc":2,"id":1,"method":"m"}"#, -32700, nil,
                "invalid json-rpc envelope: jsonrpc: expected string, found number"
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"method":7}"#, -32700, nil,
                "invalid json-rpc envelope: method: expected string, found number"
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"id":1}"#, -32700, nil,
                "invalid json-rpc envelope: duplicate key \"id\" at byte 24"
            ),
            (#"{"jsonrpc":"1.0","id":1,"method":"m"}"#, -32600, "1", "invalid json-rpc envelope"),
            (#"{"id":"x","method":"m"}"#, -32600, "\"x\"", "invalid json-rpc envelope"),
            (#"{"jsonrpc":"2.0","id":null}"#, -32600, "null", "invalid json-rpc envelope"),
            ("null", -32600, nil, "invalid json-rpc envelope"),
            (#"{"jsonrpc":"2.0","id":1,"method":""}"#, -32600, "1", "invalid json-rpc envelope"),
            (#"{"jsonrpc":"2.0"}"#, -32600, nil, "invalid json-rpc envelope"),
            (
                #"{"jsonrpc":"2.0","id":true,"method":"m"}"#, -32600, nil,
                "invalid json-rpc envelope: id: expected string, number or null, found boolean"
            ),
            (
                #"{"jsonrpc":"2.0","id":{},"method":"m"}"#, -32600, nil,
                "invalid json-rpc envelope: id: expected string, number or null, found object"
            ),
            (
                #"{"jsonrpc":"2.0","id":[],"method":"m"}"#, -32600, nil,
                "invalid json-rpc envelope: id: expected string, number or null, found array"
            ),
        ] as [(String, Int, String?, String)])
    func refusesEnvelopes(text: String, code: Int, id: String?, message: String) throws {
        let error = try #require(throws: JSONRPCEnvelopeError.self) { try request(text) }
        #expect(error.error.code.rawValue == code)
        #expect(error.error.message == message)
        #expect(error.id?.description == id)
        let answer = JSONRPCResponse.failure(error).json
        // JSON-RPC: null where the id cannot be told because the body cannot be read.
        let isUnreadable = id == nil && message != "invalid json-rpc envelope"
        #expect(answer["id"]?.text == (isUnreadable ? "null" : id))
        #expect(answer["error"]?["code"] == .integer(Int64(code)))
        #expect(answer["result"] == nil)
    }

    @Test(
        "params of another type are told, and do not keep the rest from being read",
        arguments: [
            ("{}", nil), ("[]", nil), ("null", nil), ("3", "number"), (#""x""#, "string"), ("true", "boolean"),
        ] as [(String, String?)])
    func paramsTypes(params: String, found: String?) throws {
        let message = try request(#"{"jsonrpc":"2.0","id":1,"method":"m","params":\#(params)}"#)
        #expect(message.method == "m")
        #expect(message.id == .number(.integer(1)))
        #expect(message.paramsTypeError == found.map { "params: expected object or array, found \($0)" })
    }

    @Test("an error carries data only where there is some")
    func errors() {
        let plain = JSONRPCError(code: .methodNotFound, message: "method not supported: x")
        #expect(plain.json.text == #"{"code":-32601,"message":"method not supported: x"}"#)
        let rich = JSONRPCError(code: .unsupportedProtocolVersion, message: "m", data: ["requested": "1"])
        #expect(rich.json.text == #"{"code":-32022,"message":"m","data":{"requested":"1"}}"#)
        #expect(
            JSONRPCResponse.failure(id: .number(.integer(1)), plain).json.text
                == #"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method not supported: x"}}"#)
        let codes: [JSONRPCErrorCode] = [
            .parseError, .invalidRequest, .methodNotFound, .invalidParams, .internalError, .unauthorized, .unavailable,
            .headerMismatch, .unsupportedProtocolVersion,
        ]
        #expect(codes.map(\.rawValue) == [-32700, -32600, -32601, -32602, -32603, -32001, -32002, -32020, -32022])
    }

    @Test("a message of ours has no id")
    func ownNotifications() {
        let message = JSONRPCNotification(method: "notifications/progress", params: ["progress": 1])
        #expect(message.json.text == #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#)
    }

    @Test("a message has 65,536 values and not one more", arguments: [(65_536, true), (65_537, false)])
    func values(count: Int, isTaken: Bool) {
        // The message and its four members are five.
        let list = "[" + Array(repeating: "1", count: count - 5).joined(separator: ",") + "]"
        let bytes = Array(#"{"jsonrpc":"2.0","id":1,"method":"ping","params":\#(list)}"#.utf8)
        #expect(((try? JSONRPCRequest(parsing: bytes)) != nil) == isTaken)
    }
}
