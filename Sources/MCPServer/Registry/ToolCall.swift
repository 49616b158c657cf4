package import HTTP
import Synchronization

/// The circumstances of one call.
package struct ToolCall: Sendable {
    package enum Origin: String, Sendable {
        case mcp, rest, transfer
    }

    package var principal: Principal
    package var origin: Origin
    /// Ties log lines and the audit row to the request.
    package var requestID: String
    package var client: ClientAddress
    /// The `User-Agent` of the request; empty when there was none.
    package var userAgent: String
    /// `scheme://host` of the request as the client sees it, for URLs in answers.
    package var baseURL: String
    /// The JSON-RPC id, so that the client can cancel this call by it.
    package var rpcID: JSONRPCID?
    /// The revision of MCP that the request speaks; `nil` where it does not say.
    package var protocolVersion: String?
    /// `nil` where the client did not ask for progress.
    package var progress: ProgressReporter?
    /// The WebSocket that the request asks for; `nil` for every other request.
    package var socket: ToolSocket?
    /// What the request and its answer carry besides arguments and output; `nil` for most.
    package var body: ToolBody?
    /// Bytes of the request that brought it: so much of its user's is held while it runs (``RunningCalls``).
    package var requestBytes = 0
    /// Whether a call that ended so leaves a row; `nil` = it does. For those that can be repeated at will, of which only
    /// so many are recorded (``AuditThrottle``).
    var leavesRow: (@Sendable (ToolFailure?) -> Bool)?
    /// Set while a tool runs.
    var nested: NestedCalls?
    var targeting: ToolTargeting?

    package init(
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
