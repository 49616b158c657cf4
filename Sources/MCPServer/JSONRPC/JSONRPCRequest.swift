package import JSON
import Primitives

/// One request or notification. Unknown members of the envelope are ignored.
package struct JSONRPCRequest: Sendable, Hashable {
    /// `nil` for a notification; `id: null` is an id.
    package var id: JSONRPCID?
    package var method: String
    /// As it came, whatever its type; an explicit `null` counts as absent. JSON-RPC allows an object or an array
    /// (``paramsTypeError``), but refusals that depend on the method come before that is looked at.
    package var params: JSONValue?
    /// Where `params.arguments` stands in the bytes that were read, for a digest of exactly what was sent.
    package var argumentsRange: Range<Int>?
    /// What is wrong with `params.arguments` though the message could be read: the call fails, by its id.
    package var argumentsFault: JSONParseError?

    package init(id: JSONRPCID?, method: String, params: JSONValue? = nil, argumentsRange: Range<Int>? = nil) {
        self.id = id
        self.method = method
        self.params = params
        self.argumentsRange = argumentsRange
    }

    /// Reads the body of a request.
    package init(
        parsing bytes: [UInt8], limits: JSONLimits = .request
    ) throws(JSONRPCEnvelopeError) {
        let envelope: JSONValue
        let range: Range<Int>?
        let fault: JSONParseError?
        do {
            (envelope, range, fault) = try JSONParser.parseTolerant(
                bytes, limits: limits, capturing: ["params", "arguments"])
        } catch {
            throw .syntax(error)
        }
        try self.init(envelope: envelope)
        argumentsRange = range
        argumentsFault = fault
    }

    /// Bytes of a method that are kept; none of ours is near it, and comparing a longer text could take long.
    private static let methodLimit = 128

    package init(envelope: JSONValue) throws(JSONRPCEnvelopeError) {
        if case .array = envelope { throw .batch }
        // It decodes as an envelope without members, which the reference takes it for.
        if envelope == .null { throw .wrongVersion(id: nil) }
        guard case .object(let object) = envelope else { throw .notAnObject(found: envelope.typeName) }

        // Types first: where they are wrong, the reference could not decode the body and echoes no id.
        let version = try Self.text("jsonrpc", of: object)
        let method = try Self.text("method", of: object)
        let id = try Self.id(of: object)
        guard let version, ExactText.areEqual(version, "2.0") else { throw .wrongVersion(id: id) }
        guard let method, !method.isEmpty else { throw .noMethod(id: id) }

        let params = object["params"]
        self.init(id: id, method: method.cut(toBytes: Self.methodLimit), params: params == .null ? nil : params)
    }

    /// What is wrong with the type of `params`; `nil` where nothing is.
    package var paramsTypeError: String? {
        switch params {
        case .object, .array, nil: nil
        case let params?: "params: expected object or array, found \(params.typeName)"
        }
    }

    package var isNotification: Bool { id == nil }

    /// `params._meta`, where revision 2026-07-28 puts what belongs to the request as a whole.
    package var meta: JSONObject? { params?["_meta"]?.objectValue }

    private static func text(_ member: String, of object: JSONObject) throws(JSONRPCEnvelopeError) -> String? {
        switch object[member] {
        case .string(let text): return text
        case .null, nil: return nil
        case let value?: throw .wrongType(member: member, expected: "string", found: value.typeName)
        }
    }

    private static func id(of object: JSONObject) throws(JSONRPCEnvelopeError) -> JSONRPCID? {
        guard let value = object["id"] else { return nil }
        guard let id = JSONRPCID(value) else { throw .wrongIDType(found: value.typeName) }
        return id
    }
}
