import HTTP
import JSON
import MCPServer

/// Makes the arguments of a tool from a request (data of ``Route`` in, one JSON object out).
struct ArgumentMapping {
    /// The most that a body may have.
    static let bodyLimit = 1 << 20
    /// The same where nobody has shown a credential: a name and a password.
    static let guestBodyLimit = 16 << 10

    var route: Route
    var captures: [PathPattern.Capture]
    var query: QueryString
    /// The input schema of the route's tool: tells which fields of a form are numbers.
    var schema: SchemaSource

    /// Path and query name the resource, so they win over members of the body with the same name.
    func arguments(of request: InboundRequest) async throws(RESTFailure) -> JSONValue {
        let named = try captures.map { (capture) throws(RESTFailure) in
            (route.renamed[capture.name] ?? capture.name, try capture.value())
        }
        var arguments = try await bodyArguments(of: request)
        for (name, value) in named { arguments[name] = value }
        for parameter in route.query {
            arguments[parameter.argument] = try value(of: parameter)
        }
        let cookies = route.cookies.isEmpty ? nil : Cookies(request.head.headerFields)
        for (name, argument) in route.cookies { arguments[argument] = cookies?[name].map { .string($0) } }
        return .object(arguments)
    }

    private func value(of parameter: QueryParameter) throws(RESTFailure) -> JSONValue? {
        switch parameter.kind {
        case .text:
            return query[parameter.name].map { .string($0) }
        case .integer:
            guard let text = query[parameter.name], !text.isEmpty else { return nil }
            guard let number = Int64(text) else {
                throw .malformed("invalid \(parameter.name): must be a whole number")
            }
            return .integer(number)
        case .count:
            return query[parameter.name].flatMap { Int64($0) }.map { .integer($0) }
        case .idList:
            let texts = query.values(parameter.name)
            guard !texts.isEmpty else { return nil }
            let parts = texts.flatMap { $0.utf8.split(separator: UInt8(ascii: ",")) }
            let ids = parts.compactMap { UInt64(Substring($0)) }
            return .array(ids.compactMap { Int64(exactly: $0) }.map { .integer($0) })
        }
    }

    private func bodyArguments(of request: InboundRequest) async throws(RESTFailure) -> JSONObject {
        guard route.body != .none else { return JSONObject() }
        let bytes = try await collect(request)
        if route.body == .objectOrForm, request.isForm || bytes.isEmpty && request.isUntyped { return try form(bytes) }
        let value: JSONValue
        do {
            value = try JSONParser.parse(bytes, limits: .request)
        } catch {
            throw .malformed("invalid request body: \(error)")
        }
        switch (route.body, value) {
        case (.array(let argument), .array): return [argument: value]
        // `null` is a body without anything, as members that are `null` are left out.
        case (.array(let argument), .null): return [argument: []]
        case (_, .null): return JSONObject()
        case (.array, _): throw .malformed("invalid request body: expected an array, found \(value.typeName)")
        case (_, .object(let object)): return Self.withoutNulls(object)
        default: throw .malformed("invalid request body: expected an object, found \(value.typeName)")
        }
    }

    /// To the clients of this API a member that is `null` is one that is absent.
    private static func withoutNulls(_ object: JSONObject) -> JSONObject {
        JSONObject(uniqueMembers: object.filter { $0.value != .null }.map { ($0.key, $0.value) })
    }

    private func form(_ bytes: [UInt8]) throws(RESTFailure) -> JSONObject {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .malformed("invalid request body: malformed text")
        }
        let properties = schema.properties
        var object = JSONObject()
        for item in try QueryString(text).items {
            let name = Self.member(of: item.name, in: properties)
            guard object[name] == nil else { throw .malformed("invalid request body: a field is given twice") }
            object[name] = try field(item, properties[name])
        }
        return object
    }

    /// The reference's forms have the names of its structures: `ServerID` for `server_id`. Both spellings are taken
    /// (`rest-details.md` 1).
    private static func member(of field: String, in properties: JSONObject) -> String {
        guard field.utf8.first.map({ UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }) ?? false else { return field }
        return properties.first { isSpelling(field, of: $0.key) }?.key ?? field
    }

    /// Letters of ASCII alone, whatever their case, without underscores.
    private static func isSpelling(_ field: String, of member: String) -> Bool {
        field.utf8.lazy.map { $0 | 0x20 }.elementsEqual(member.utf8.lazy.filter { $0 != UInt8(ascii: "_") })
    }

    private func field(_ item: QueryString.Item, _ property: JSONValue?) throws(RESTFailure) -> JSONValue {
        guard property?["type"] == "integer" else { return .string(item.value) }
        guard let number = Int64(item.value) else { throw .malformed("invalid \(item.name): must be a whole number") }
        return .integer(number)
    }

    private func collect(_ request: InboundRequest) async throws(RESTFailure) -> [UInt8] {
        if let coding = request.foreignCoding { throw .coding(coding) }
        // Behind every other route with a body stands somebody (``RESTAdapter``).
        let limit = route.credentials == .none ? Self.guestBodyLimit : Self.bodyLimit
        if let length = request.contentLength, length > Int64(limit) { throw .bodyTooLarge(limit: limit) }
        do {
            return try await request.body.collect(upTo: limit)
        } catch .tooLarge {
            throw .bodyTooLarge(limit: limit)
        } catch {
            throw .bodyBroken
        }
    }
}

extension InboundRequest {
    fileprivate var isForm: Bool {
        hasContentType("application/x-www-form-urlencoded")
    }

    /// Nothing without a type is a form without fields (`rest-details.md` 1).
    fileprivate var isUntyped: Bool { head.headerFields[.contentType] == nil }
}
