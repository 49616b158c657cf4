/// The answer to an ``InboundRequest``.
package struct OutboundResponse: Sendable {
    package var head: HTTPResponse
    package var body: ResponseBody

    package init(head: HTTPResponse, body: ResponseBody = .none) {
        self.head = head
        self.body = body
    }
}

/// What follows the head of a response.
package enum ResponseBody: Sendable {
    case none
    case bytes([UInt8])
    /// Written while it is made; `write` suspends while the client is slow and throws when it went away.
    /// `length` becomes `Content-Length`; without it the body is chunked. The closure is called exactly once, also
    /// when the client left before it was called (its first `write` throws then), so it can release what it holds.
    case stream(length: Int64?, @Sendable (_ write: @Sendable ([UInt8]) async throws -> Void) async throws -> Void)
    /// With status 101, to a request for which ``WebSocketHandshake/refusal(of:)`` is `nil`: the listener adds the
    /// fields of the handshake and the connection becomes a WebSocket. Anything else is answered with 500; the
    /// upgrade's `run` is called exactly once in either case.
    case webSocket(WebSocketUpgrade)
    /// With status 101, to a request of HTTP/1.1 without a body that asked for the protocol which the head names: the
    /// head is sent as it is, and the connection carries what the switch makes of it. Anything else is answered with
    /// 500; the switch's `run` is called exactly once in either case.
    case switched(ProtocolSwitch)
}

extension OutboundResponse {
    /// A JSON document, `application/json; charset=utf-8` (`mcp.md` 1.1), from bytes that are JSON already.
    package static func json(
        _ status: HTTPResponse.Status = .ok, bytes: [UInt8], fields: HTTPFields = [:]
    ) -> OutboundResponse {
        var fields = fields
        fields[.contentType] = "application/json; charset=utf-8"
        return OutboundResponse(head: HTTPResponse(status: status, headerFields: fields), body: .bytes(bytes))
    }

    /// Plain text, as the transfer URLs answer errors (`mcp.md` 7.2).
    package static func text(
        _ status: HTTPResponse.Status, _ text: String, fields: HTTPFields = [:]
    ) -> OutboundResponse {
        var fields = fields
        fields[.contentType] = "text/plain; charset=utf-8"
        return OutboundResponse(
            head: HTTPResponse(status: status, headerFields: fields), body: .bytes(Array(text.utf8)))
    }

    package static func empty(_ status: HTTPResponse.Status, fields: HTTPFields = [:]) -> OutboundResponse {
        OutboundResponse(head: HTTPResponse(status: status, headerFields: fields))
    }
}
