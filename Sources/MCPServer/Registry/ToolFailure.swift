package import JSON
// Whoever writes a tool writes refusals, and these are messages: one import brings both.
@_exported public import Texts

/// Why a call gave no result. The core throws these; only the transports turn them into text and status.
package enum ToolFailure: Error, Sendable {
    /// Somebody must be logged in.
    case unauthenticated
    /// The name or the password is wrong, or the log-in is refused.
    case loginFailed
    case scopeMissing(Scope)
    /// The tool takes log-ins only, no tokens (`mcp.md` 8.6).
    case tokenForbidden
    case notAdministrator
    /// Not the caller's, or outside the token's server list.
    case permissionDenied
    /// Names the argument and the rule.
    case invalidArguments(Message)
    /// A request that is well formed but refused by a rule of the product; the text is for the user.
    case rejected(Message)
    case serverOffline
    case agentTimeout
    /// The agent's own words, and for `server.exec` the whole result that carried them.
    case agentError(String, structured: JSONValue? = nil)
    case unsupportedAgent
    case mcpDisabled
    case rateLimited(retryAfterSeconds: Int)
    /// The gateway has more work of this kind than it can do in time; nothing was done.
    case busy(retryAfterSeconds: Int)
    case cancelled(CancellationCause)
    case database
    /// The tool's result is no JSON; the detail goes to the log.
    case unencodable(String)
    /// A defect of ours; the detail goes to the log, never to the caller.
    case internalError(String)
    /// Another failure, told in words of its own.
    indirect case told(Message, ToolFailure)
}

/// The outcome column of the audit log (`mcp.md` 5.6).
package enum ToolOutcome: String, Sendable, CaseIterable {
    case ok
    case unauthenticated
    case scopeDenied = "scope_denied"
    case permissionDenied = "permission_denied"
    case serverOffline = "server_offline"
    case agentTimeout = "agent_timeout"
    case agentError = "agent_error"
    case mcpDisabled = "mcp_disabled"
    case invalidArguments = "invalid_args"
    case rejected
    case rateLimited = "rate_limited"
    case unsupportedAgent = "unsupported_agent"
    case revoked
    case cancelled
    case internalError = "internal_error"

    /// Whether the same call may succeed later without any change by the caller.
    package var isRetryable: Bool {
        switch self {
        case .serverOffline, .agentTimeout, .rateLimited: true
        default: false
        }
    }
}

extension ToolFailure {
    /// Seconds after which the same call may succeed, where that is known.
    package var retryAfterSeconds: Int? {
        switch self {
        case .rateLimited(let seconds), .busy(let seconds): seconds
        case .told(_, let failure): failure.retryAfterSeconds
        default: nil
        }
    }

    package var outcome: ToolOutcome {
        switch self {
        case .unauthenticated, .loginFailed: .unauthenticated
        case .scopeMissing: .scopeDenied
        case .tokenForbidden, .notAdministrator, .permissionDenied: .permissionDenied
        case .invalidArguments: .invalidArguments
        case .rejected: .rejected
        case .serverOffline: .serverOffline
        case .agentTimeout: .agentTimeout
        case .agentError: .agentError
        case .unsupportedAgent: .unsupportedAgent
        case .mcpDisabled: .mcpDisabled
        case .rateLimited, .busy: .rateLimited
        case .cancelled(let cause): cause.outcome
        case .database, .unencodable, .internalError: .internalError
        case .told(_, let failure): failure.outcome
        }
    }

    /// The text of the MCP tool error (`mcp.md` 1.6, 4, 4.11) and of the audit row: English.
    package var message: String { words.english }

    /// What is said of it, in any language. REST words some cases its own way.
    package var words: Message {
        switch self {
        case .unauthenticated: "unauthorized"
        case .loginFailed: "login failed"
        case .scopeMissing(let scope): "missing required scope: \(scope)"
        case .tokenForbidden: "this endpoint is not accessible by api token"
        case .notAdministrator, .permissionDenied: "permission denied"
        case .invalidArguments(let text), .rejected(let text): text
        case .serverOffline: "agent offline"
        case .agentTimeout: "agent did not respond within timeout"
        case .agentError(let text, _): Message(verbatim: text)
        case .unsupportedAgent: "agent does not support this MCP capability; please upgrade the agent"
        case .mcpDisabled: "MCP is disabled by the dashboard administrator"
        case .rateLimited: "rate limit exceeded for this token"
        case .busy: "the gateway is busy; try again later"
        case .cancelled(let cause): cause.words
        case .database: "database error"
        case .unencodable: "failed to encode tool result"
        case .internalError: "internal error"
        case .told(let text, _): text
        }
    }
}

/// Why a running call was stopped.
package enum CancellationCause: Sendable, Hashable {
    case clientGone
    /// The client asked for it (`notifications/cancelled`).
    case clientRequest
    /// `enable_mcp` was turned off.
    case killSwitch
    /// The token was revoked or has expired, the owner was deleted or lost a right, or the server is no longer theirs.
    case rightsLost
    case deadline
    case shutdown

    var outcome: ToolOutcome {
        switch self {
        case .clientGone, .clientRequest, .shutdown: .cancelled
        case .killSwitch: .mcpDisabled
        case .rightsLost: .revoked
        case .deadline: .agentTimeout
        }
    }

    var words: Message {
        switch self {
        case .clientGone: "client went away"
        case .clientRequest: "cancelled by the client"
        case .killSwitch: ToolFailure.mcpDisabled.words
        case .rightsLost: "the rights of this call were revoked while it ran"
        case .deadline: ToolFailure.agentTimeout.words
        case .shutdown: "the gateway is shutting down"
        }
    }
}
