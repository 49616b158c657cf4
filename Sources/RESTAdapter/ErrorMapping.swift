import HTTP
import MCPServer
import Texts

/// Why a request below `/api` got no result.
enum RESTFailure: Error, Sendable {
    /// No such path, or not with this method: the two are not told apart.
    case unknownRoute
    /// `web_real_ip_header` is set and the request has none.
    case realIPMissing
    /// Path, query or body cannot be read; the text names the field.
    case malformed(String)
    case bodyTooLarge(limit: Int)
    /// The client went away.
    case bodyBroken
    case token(TokenAuthenticator.Refusal)
    case csrf
    /// A page of another site would set the cookies of a session.
    case foreignPage
    /// The body is in a coding such as gzip.
    case coding(String)
    /// Whatever is wrong with a log-in, the answer is one.
    case loginFailed
    case tool(ToolFailure)
}

/// What ``ErrorMapping`` needs to know of the call to choose the words.
struct FailureContext: Sendable {
    /// The call came with a Personal Access Token.
    var byToken = false
    var siteName = ""
    /// What refusals are told in.
    var language = Language.english
}

/// The one place where failures become statuses and texts (`rest-details.md` 1 and 7).
enum ErrorMapping {
    static let unauthorized: Message = "ApiErrorUnauthorized"
    static let forbidden = "ApiErrorForbidden"

    static func response(
        _ failure: RESTFailure, _ context: FailureContext = FailureContext(), fields: HTTPFields = [:]
    ) -> OutboundResponse {
        var fields = fields
        let status: HTTPResponse.Status
        let text: Message
        switch failure {
        case .unknownRoute: (status, text) = (.notFound, "404 Not Found")
        case .realIPMissing: (status, text) = (.ok, Message(stringLiteral: RealAddress.HeaderMissing.text))
        case .malformed(let reason): (status, text) = (.ok, Message(verbatim: reason))
        case .bodyTooLarge(let limit): (status, text) = (.contentTooLarge, "request body exceeds \(limit) bytes")
        case .bodyBroken: (status, text) = (.badRequest, "request body is incomplete")
        case .csrf: (status, text) = (.forbidden, "\(forbidden): missing or invalid CSRF token")
        case .foreignPage: (status, text) = (.forbidden, "\(forbidden): request origin is not allowed")
        case .coding(let name):
            (status, text) = (.unsupportedMediaType, Message(verbatim: InboundRequest.codingRefusal(name)))
        case .loginFailed: (status, text) = (.ok, unauthorized)
        case .token(let refusal):
            (status, text) = (.unauthorized, "\(unauthorized): \(refusal.rawValue)")
            fields[.wwwAuthenticate] = #"Bearer realm="nezha", error="invalid_token""#
        case .tool(let failure): (status, text) = outcome(of: failure, context)
        }
        if failure.isSessionRefusal { fields[.wwwAuthenticate] = challenge(context.siteName) }
        if case .tool(let failure) = failure, let seconds = failure.retryAfterSeconds {
            fields[.retryAfter] = String(seconds)
        }
        return Envelope.response(status, Envelope.failure(text.text(in: context.language)), fields: fields)
    }

    private static func outcome(
        of failure: ToolFailure, _ context: FailureContext
    ) -> (HTTPResponse.Status, Message) {
        switch failure {
        case .unauthenticated: (.ok, unauthorized)
        case .loginFailed: (.ok, unauthorized)
        case .scopeMissing(let scope): (.forbidden, "\(forbidden): api token lacks scope \(scope)")
        case .tokenForbidden: (.forbidden, "\(forbidden): this endpoint is not accessible by api token")
        case .busy: (.serviceUnavailable, failure.words)
        // 7-D1: a token without rights on what it names is told by the status too.
        case .permissionDenied: (context.byToken ? .forbidden : .ok, failure.words)
        case .agentTimeout: (.ok, "operation timeout")
        case .serverOffline: (.ok, "server not found or not connected")
        // Written out, so that a new case asks for its words here.
        case .notAdministrator, .invalidArguments, .rejected, .agentError, .unsupportedAgent,
            .mcpDisabled, .rateLimited, .cancelled, .database, .unencodable, .internalError, .told:
            (.ok, failure.words)
        }
    }

    /// `JWT realm=<site name>`. The name is the administrator's free text; what a header cannot carry is left out.
    private static func challenge(_ siteName: String) -> String {
        let visible = siteName.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }
        return "JWT realm=" + String(String.UnicodeScalarView(visible))
    }
}

extension RESTFailure {
    /// Whether somebody must log in (again).
    fileprivate var isSessionRefusal: Bool {
        switch self {
        case .loginFailed, .tool(.unauthenticated), .tool(.loginFailed): true
        default: false
        }
    }
}
