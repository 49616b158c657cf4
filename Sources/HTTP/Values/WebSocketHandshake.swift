import Secrets

/// The opening handshake of a WebSocket, the server's side (RFC 6455 4.2). Neither subprotocols nor extensions are
/// offered, so what the client proposed is left unanswered (4.2.2, items 5 and 6).
package enum WebSocketHandshake {
    /// The answer to a request that cannot become a WebSocket, as plain text (`rest-details.md` 1): 400 when it is no
    /// upgrade or its key is bad, 426 with the version we speak when it wants another one; `nil` when it can.
    package static func refusal(of request: InboundRequest) -> OutboundResponse? {
        switch fault(in: request.head) {
        case nil: nil
        case .otherVersion:
            // RFC 6455 4.4; RFC 9110 15.5.22 wants the protocol to upgrade to.
            .text(
                .upgradeRequired, "WebSocket version \(version) is required",
                fields: [.secWebSocketVersion: version, .upgrade: "websocket", .connection: "Upgrade"])
        case .noUpgrade: .text(.badRequest, "this is a WebSocket endpoint: send a WebSocket upgrade request")
        case .hasBody: .text(.badRequest, "a WebSocket upgrade request has no body")
        case .badKey: .text(.badRequest, "Sec-WebSocket-Key is not the base64 form of 16 bytes")
        }
    }

    /// The answer that turns the connection of the request into a WebSocket. The listener completes its head with
    /// ``fields(for:)``.
    /// - Parameter request: one that has no ``refusal(of:)``.
    package static func accept(_ request: InboundRequest, _ upgrade: WebSocketUpgrade) -> OutboundResponse {
        OutboundResponse(head: HTTPResponse(status: .switchingProtocols), body: .webSocket(upgrade))
    }

    /// The fields of the head of the 101; `nil` when the request is no valid upgrade, or OpenSSL refuses SHA-1.
    package static func fields(for request: HTTPRequest) -> HTTPFields? {
        guard fault(in: request) == nil, let key = request.headerFields[.secWebSocketKey],
            let accept = acceptValue(of: key)
        else { return nil }
        return [.upgrade: "websocket", .connection: "Upgrade", .secWebSocketAccept: accept]
    }

    /// What `Sec-WebSocket-Accept` answers to a key (RFC 6455 4.2.2, item 5.4).
    static func acceptValue(of key: String) -> String? {
        SHA1Digest.hash(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)).map(Base64.standard.encode)
    }

    /// Whether the request asks for a WebSocket, valid or not, and nothing of it comes behind its head: whoever passes it
    /// on leaves the rest to the one who answers.
    package static func isAskedFor(by request: HTTPRequest) -> Bool {
        switch fault(in: request) {
        case .noUpgrade, .hasBody: false
        case .otherVersion, .badKey, nil: true
        }
    }

    private static let version = "13"

    private enum Fault {
        case noUpgrade
        case hasBody
        case otherVersion
        case badKey
    }

    /// RFC 6455 4.2.1.
    private static func fault(in request: HTTPRequest) -> Fault? {
        let fields = request.headerFields
        guard request.method == .get, Token.contains("websocket", in: fields[values: .upgrade]),
            Token.contains("upgrade", in: fields[values: .connection])
        else { return .noUpgrade }
        // Its bytes could not be told from the first frames by everybody on the way.
        guard (fields[.contentLength] ?? "0") == "0", fields[.transferEncoding] == nil else { return .hasBody }
        guard fields[values: .secWebSocketVersion] == [version] else { return .otherVersion }
        guard fields[values: .secWebSocketKey].count == 1, let key = fields[.secWebSocketKey],
            Base64.standard.decode(Array(key.utf8))?.count == 16
        else { return .badKey }
        return nil
    }
}
