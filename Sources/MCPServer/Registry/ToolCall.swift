import Synchronization

/// The circumstances of one call.
public struct ToolCall: Sendable {
    public enum Origin: String, Sendable {
        case mcp, rest, transfer, `internal`
    }

    public var principal: Principal
    public var origin: Origin
    /// Ties log lines and the audit row to the request.
    public var requestID: String
    public var client: ClientAddress
    /// The `User-Agent` of the request; empty when there was none.
    public var userAgent: String
    /// `scheme://host` of the request as the client sees it, for URLs in answers.
    public var baseURL: String
    /// The JSON-RPC id, so that the client can cancel this call by it.
    public var rpcID: JSONRPCID?
    /// The revision of MCP that the request speaks; `nil` where it does not say.
    public var protocolVersion: String?
    /// `nil` where the client did not ask for progress.
    public var progress: ProgressReporter?
    /// The WebSocket that the request asks for; `nil` for every other request.
    public var socket: ToolSocket?
    /// Set while a tool runs.
    var nested: NestedCalls?
    var targeting: ToolTargeting?

    public init(
        principal: Principal, origin: Origin, requestID: String, client: ClientAddress, userAgent: String = "",
        baseURL: String = "", rpcID: JSONRPCID? = nil, progress: ProgressReporter? = nil
    ) {
        self.principal = principal
        self.origin = origin
        self.requestID = requestID
        self.client = client
        self.userAgent = userAgent
        self.baseURL = baseURL
        self.rpcID = rpcID
        self.progress = progress
    }
}
