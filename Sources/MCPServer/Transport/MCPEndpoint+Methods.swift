import HTTP
import JSON
import Primitives
import Settings

extension MCPEndpoint {
    /// Answers one request that passed every gate (`mcp.md` 1.5, 10.2).
    func dispatch(
        _ message: JSONRPCRequest, _ body: [UInt8], _ era: MCPEra, _ call: ToolCall, _ request: InboundRequest
    ) -> Outcome {
        let isToolCall = message.method == "tools/call"
        if let wrong = message.paramsTypeError, Self.handshakeMethods.contains(message.method) {
            // Without an object there is no `_meta`, so the message speaks a revision with a handshake.
            let text = "invalid arguments: \(wrong)"
            guard isToolCall else { return .answer(failure(message, .ok, .invalidParams, text)) }
            return .answer(refused(message, era, call, .invalidParams, text))
        }
        if isToolCall { return callTool(message, body, era, call, request.head.headerFields) }
        return .answer(answer(message, era, request))
    }

    private func answer(_ message: JSONRPCRequest, _ era: MCPEra, _ request: InboundRequest) -> OutboundResponse {
        switch (message.method, era) {
        case ("initialize", .handshake):
            return success(message, initialize(message, request), era)
        case ("ping", .handshake), ("notifications/initialized", .handshake):
            guard message.id != .null else { return .empty(.accepted) }
            return success(message, [:], era)
        case ("server/discover", .stateless):
            return success(message, discover(request), era)
        case ("tools/list", _):
            return listTools(message, era, request)
        default:
            let status: HTTPResponse.Status = era == .handshake ? .ok : .notFound
            return failure(
                message, status, .methodNotFound, "method not supported: \(message.method.cut(toBytes: 128))")
        }
    }

    private static let handshakeMethods: Set = [
        "initialize", "ping", "notifications/initialized", "tools/list", "tools/call",
    ]

    // MARK: Handshake and discovery

    /// Echoes a revision that we speak, else offers the latest one with a handshake.
    private func initialize(_ message: JSONRPCRequest, _ request: InboundRequest) -> JSONObject {
        let version: String
        switch message.params?["protocolVersion"]?.stringValue?.cut(toBytes: MCPEra.versionLimit) {
        case nil: version = MCPProtocol.oldestVersion
        case let wanted? where MCPProtocol.handshakeVersions.contains(wanted): version = wanted
        default: version = MCPProtocol.latestHandshakeVersion
        }
        return [
            "protocolVersion": .string(version),
            "capabilities": Self.capabilities,
            "serverInfo": serverInfo,
            "instructions": instructions(request),
        ]
    }

    private func discover(_ request: InboundRequest) -> JSONObject {
        let versions = MCPProtocol.handshakeVersions + MCPProtocol.statelessVersions
        return [
            "supportedVersions": .array(versions.map { .string($0) }),
            "capabilities": Self.capabilities,
            "instructions": instructions(request),
            "ttlMs": .integer(Self.cacheMilliseconds),
            "cacheScope": "private",
        ]
    }

    private func instructions(_ request: InboundRequest) -> JSONValue {
        listing.instructions(nameStyle(request) ?? .dotted)
    }

    /// How this client wants tools named: `?names=`, else the setting. `nil` for a style that there is not.
    private func nameStyle(_ request: InboundRequest) -> ToolNameStyle? {
        let key = "names="
        let wanted = request.query.split(separator: "&").last { $0.utf8.starts(with: key.utf8) }
        guard let wanted else { return ToolNameStyle(rawValue: settings.shared.value.mcpToolNames) ?? .dotted }
        return ToolNameStyle(rawValue: String(wanted.utf8.dropFirst(key.utf8.count)) ?? "")
    }

    private static let capabilities: JSONValue = ["tools": ["listChanged": false]]

    /// The list of tools changes only with a setting.
    private static let cacheMilliseconds: Int64 = 60_000

    private var serverInfo: JSONValue {
        ["name": .string(MCPProtocol.serverName), "title": "Nezha gateway", "version": .string(version)]
    }

    // MARK: Tools

    /// One page: there is no cursor that we ever gave out.
    private func listTools(
        _ message: JSONRPCRequest, _ era: MCPEra, _ request: InboundRequest
    ) -> OutboundResponse {
        if let cursor = message.params?["cursor"], cursor != .null {
            return failure(message, era.invalidParamsStatus, .invalidParams, "cursor: unknown")
        }
        guard let style = nameStyle(request) else {
            return failure(
                message, era.invalidParamsStatus, .invalidParams,
                "names in the URL's query: must be \(ToolNameStyle.allNames)")
        }
        var result: JSONObject = ["tools": .array(listing.tools(of: settings.shared.value.mcpToolsets, style))]
        if case .stateless = era {
            result["ttlMs"] = .integer(Self.cacheMilliseconds)
            result["cacheScope"] = "private"
        }
        return success(message, result, era)
    }

    /// A `tools/call` that may be made, without what else its message says: that is not held while the call waits.
    final class AcceptedCall: Sendable {
        fileprivate let tool: String
        fileprivate let id: JSONRPCID?
        fileprivate let arguments: JSONValue
        fileprivate let progressToken: JSONValue?
        fileprivate let era: MCPEra
        /// The arguments as they were sent.
        fileprivate let bytes: ArraySlice<UInt8>?
        fileprivate let call: ToolCall
        /// Whether the answer may become an event stream.
        fileprivate let mayStream: Bool

        fileprivate init(
            _ tool: String, _ message: JSONRPCRequest, _ body: [UInt8], _ era: MCPEra, _ call: ToolCall,
            mayStream: Bool
        ) {
            self.tool = tool
            id = message.id
            arguments = message.params?["arguments"] ?? .null
            progressToken = message.progressToken
            self.era = era
            bytes = message.argumentsRange.map { body[$0] }
            self.call = call
            self.mayStream = mayStream
        }
    }

    private func callTool(
        _ message: JSONRPCRequest, _ body: [UInt8], _ era: MCPEra, _ call: ToolCall, _ fields: HTTPFields
    ) -> Outcome {
        func refused(_ code: JSONRPCErrorCode, _ text: String) -> Outcome {
            .answer(self.refused(message, era, call, code, text))
        }
        if let params = message.params, params.objectValue == nil {
            return refused(.invalidParams, "invalid arguments: params: expected object, found array")
        }
        if let name = message.params?["name"], name != .null, name.stringValue == nil {
            return refused(
                .invalidParams, "invalid arguments: params.name: expected string, found \(name.typeName)")
        }
        guard let given = message.params?["name"]?.stringValue, !given.isEmpty else {
            return refused(.invalidParams, "tool name required")
        }
        guard let name = registry.exposedName(given, toolsets: settings.shared.value.mcpToolsets) else {
            // To revision 2026-07-28 the name is a parameter like any other.
            let code: JSONRPCErrorCode = era == .handshake ? .methodNotFound : .invalidParams
            return refused(code, "unknown tool: \(given.cut(toBytes: 128))")
        }
        if let fault = message.argumentsFault {
            let failure = ToolFailure.invalidArguments("invalid arguments: \(fault)")
            recordRefused(name, failure, call)
            return .answer(success(message, ToolResultEncoding.failure(failure), era))
        }
        // Only tools that may take long tell how far they are; the others answer before anybody grows impatient.
        let mayStream = registry.reportsProgress(name) && fields.acceptsEventStream
        return .call(AcceptedCall(name, message, body, era, call, mayStream: mayStream))
    }

    func make(_ accepted: AcceptedCall) async -> OutboundResponse {
        guard accepted.mayStream else { return Self.answer(await run(accepted)) }
        guard let token = accepted.progressToken else {
            return await LateStream(patience: patience).response { await self.run(accepted) }
        }
        return EventStream(progressToken: token).response { await self.run(accepted, progress: $0) }
    }

    /// - Parameter message: `nil` where there is nothing to say (``run(_:progress:)``).
    static func answer(_ message: [UInt8]?) -> OutboundResponse {
        message.map { .json(.ok, bytes: $0) } ?? .empty(.accepted)
    }

    /// - Returns: `nil` for a call of a revision with handshake that its client has cancelled: no answer is wanted, and
    ///   libraries warn of one whose id they have forgotten.
    private func run(_ accepted: AcceptedCall, progress: ProgressReporter? = nil) async -> [UInt8]? {
        var call = accepted.call
        call.progress = progress
        let outcome = await registry.invoke(
            accepted.tool, arguments: accepted.arguments, bytes: accepted.bytes, call: call)
        return encoded(outcome, of: accepted)
    }

    @inline(never)
    private func encoded(_ outcome: Result<JSONValue, ToolFailure>, of accepted: AcceptedCall) -> [UInt8]? {
        let (id, era) = (accepted.id, accepted.era)
        switch outcome {
        case .success(let value):
            let more = complete(JSONObject(), era)
            let shown = registry.givesList(accepted.tool) ? ListResult.wrapped(value) : value
            return JSONRPCResponse.serialized(id: id) {
                ToolResultEncoding.writeSuccess(shown, more, to: &$0)
            }
        case .failure(.cancelled(.clientRequest)) where era == .handshake: return nil
        case .failure(let failed): return result(id, ToolResultEncoding.failure(failed), era).serialized()
        }
    }

    /// The answer to a call that comes to no tool, which leaves its row all the same.
    private func refused(
        _ message: JSONRPCRequest, _ era: MCPEra, _ call: ToolCall, _ code: JSONRPCErrorCode, _ text: String
    ) -> OutboundResponse {
        recordRefused(message.toolName, .invalidArguments(Message(verbatim: text)), call)
        return failure(message, era.invalidParamsStatus, code, text)
    }

    // MARK: Answers

    private func success(_ message: JSONRPCRequest, _ members: JSONObject, _ era: MCPEra) -> OutboundResponse {
        .json(.ok, bytes: result(message.id, members, era).serialized())
    }

    func result(_ id: JSONRPCID?, _ result: JSONObject, _ era: MCPEra) -> JSONRPCResponse {
        .success(id: id, .object(complete(result, era)))
    }

    /// With what every result of the revision says.
    private func complete(_ result: JSONObject, _ era: MCPEra) -> JSONObject {
        guard case .stateless = era else { return result }
        var result = result
        result["resultType"] = "complete"
        var meta = result["_meta"]?.objectValue ?? JSONObject()
        meta[MCPProtocol.Meta.serverInfo] = serverInfo
        result["_meta"] = .object(meta)
        return result
    }

    private func failure(
        _ message: JSONRPCRequest, _ status: HTTPResponse.Status, _ code: JSONRPCErrorCode, _ text: String
    ) -> OutboundResponse {
        let error = JSONRPCError(code: code, message: text)
        return .json(status, bytes: JSONRPCResponse.failure(id: message.id, error).serialized())
    }
}

extension MCPEra {
    fileprivate var invalidParamsStatus: HTTPResponse.Status { self == .handshake ? .ok : .badRequest }
}
