import Primitives

/// One request and its response over any way of bytes that leads to an HTTP/1.1 service, such as a tunnel: the request is
/// written out, and the response read in pieces as they come.
package struct RelayedExchange: Sendable {
    private var reader: HTTP1ResponseReader

    /// What follows the head of a request.
    package enum Framing: Sendable, Hashable {
        /// As many bytes as `Content-Length` says, none without it.
        case length
        /// ``RelayedExchange/chunk(_:)``s.
        case chunked
        /// Nothing but the WebSocket that the request asks for, if the service agrees.
        case webSocket
    }

    package enum Failure: Error, Sendable, Equatable {
        /// What came is no response, or it ended too early.
        case malformed
    }

    /// Bytes of the body that one piece may hold.
    private static let pieceLimit = 1 << 20

    /// - Parameters:
    ///   - method: that of the request.
    ///   - framing: as for ``head(_:_:)``.
    package init(method: HTTPRequest.Method, _ framing: Framing) {
        reader = HTTP1ResponseReader(
            bodyLimit: Self.pieceLimit, isForHead: method == .head, mayBeSwitched: framing == .webSocket)
    }

    /// The head of a request that asks for the connection to be closed after the response, or to become a WebSocket.
    /// The fields of the connection that the request came by are left out.
    package static func head(_ request: HTTPRequest, _ framing: Framing) -> [UInt8] {
        var text = "\(request.method.rawValue) \(request.path ?? "/") HTTP/1.1\r\nHost: \(request.authority ?? "")\r\n"
        let nominated = nominated(by: request.headerFields)
        for field in request.headerFields where !left.contains(field.name) && !nominated.contains(field.name) {
            text += "\(field.name.rawName): \(field.value)\r\n"
        }
        if framing == .chunked { text += "Transfer-Encoding: chunked\r\n" }
        if framing == .webSocket { text += "Upgrade: websocket\r\n" }
        text += "Connection: \(framing == .webSocket ? "Upgrade" : "close")\r\n\r\n"
        return Array(text.utf8)
    }

    /// Fields that are about one connection (RFC 9110, 7.6.1).
    package static let hopByHop: Set<HTTPField.Name> = [
        .connection, .keepAlive, .proxyConnection, .te, .trailer, .transferEncoding, .upgrade,
    ]

    private static let left = hopByHop.union([.host, .proxyAuthorization])

    /// Those that the sender says are about its connection, too.
    private static func nominated(by fields: HTTPFields) -> [HTTPField.Name] {
        fields[values: .connection].flatMap { value in
            value.utf8.split(separator: UInt8(ascii: ",")).compactMap {
                HTTPField.Name(String(Substring($0.trimmingBlanks())))
            }
        }
    }

    /// One chunk of a body that comes in chunks; an empty one ends it.
    package static func chunk(_ bytes: [UInt8]) -> [UInt8] {
        Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8)
    }

    package mutating func receive(_ bytes: [UInt8]) throws(Failure) {
        do { try reader.receive(bytes.span) } catch { throw .malformed }
    }

    /// The service has ended its side.
    package mutating func end() throws(Failure) {
        do { try reader.end() } catch { throw .malformed }
    }

    /// The head, once it is there.
    package var response: HTTPResponse? { reader.hasHead ? reader.response : nil }

    /// Whether the response is a 101 that was asked for: what comes now is a WebSocket.
    package var isSwitched: Bool { reader.isSwitched }

    package var hasEnded: Bool { reader.hasEnded }

    /// What came of the body since the last time.
    package mutating func takeBody() -> [UInt8] { reader.takeBody() }
}
