package import Transport

/// One stream of an HTTP/2 connection, server's or client's. It belongs to the connection's loop.
///
/// Whatever is done to a stream that is over does nothing.
package final class HTTP2Stream {
    /// What may wait to be sent before ``isWritable`` is false. Bytes.
    package static let highMark = 256 << 10
    /// What may always wait, and below which ``HTTP2StreamHandler/writable(on:)`` is called. Bytes.
    package static let lowMark = 16 << 10

    /// What follows the bytes that were written.
    enum Ending {
        case endStream
        case trailers(HTTPFields)
    }

    package let id: Int32
    /// Of whom the connection is; `nil` once the stream is over.
    var link: HTTP2Link?
    var handler: (any HTTP2StreamHandler)?

    // What the session keeps of it.
    var outbox = HTTP2Outbox()
    var ending: Ending?
    /// The body source had nothing the last time it was asked.
    var isDeferred = false
    /// The head of our message was submitted.
    var hasHead = false
    /// END_STREAM of ours is on its way.
    var hasEndedHere = false
    /// END_STREAM of the peer has come.
    var hasEndedThere = false
    /// We reset it.
    var isResetHere = false
    /// A frame of it was sent.
    var hasBegun = false
    /// Client: what is wrong with the response.
    var fault: HTTP2ErrorCode?
    /// Server: the head of the request has come; it is here until it has its handler.
    var hasRequest = false
    var request: HTTPRequest?
    /// Server: what its fields take, as ``HTTP2Settings/maximumHeaderList`` counts.
    var headSize = 0
    /// Client: the final head of the response has come.
    var hasResponseHead = false
    /// Bytes that the peer's windows don't have back.
    var unconsumed = 0
    /// Server: the answer was sent, and what the peer still sends is dropped. How much of it was.
    var dropped: Int?

    init(_ id: Int32, of link: HTTP2Link?) {
        self.id = id
        self.link = link
    }

    /// The client's address without port, IPv4-mapped forms as IPv4; `nil` when the transport has none.
    package var peer: String? { link?.peer }
    /// Whether the connection is TLS.
    package var isSecure: Bool { link?.isSecure ?? false }
    /// Whether more should be written now; if not, ``HTTP2StreamHandler/writable(on:)`` comes later. What is written all
    /// the same is kept, so whoever writes more than a message beyond this asks first.
    package var isWritable: Bool {
        guard let link else { return false }
        return outbox.count < (link.session.isCrowded ? Self.lowMark : Self.highMark)
    }
    /// Bytes written that the peer's windows, or the connection, have not let go yet.
    package var waiting: Int { outbox.count }
    /// Whether the stream is over.
    package var isClosed: Bool { link == nil || dropped != nil }

    /// Server: begins the answer, once. Fields that belong to a connection (RFC 9113, 8.2.2) are left out.
    /// - Parameter endStream: there is no body and there are no trailers.
    package func respond(_ response: HTTPResponse, endStream: Bool = false, on loop: isolated EventLoop) {
        link?.update(on: loop) { $0.respond(response, to: self, endStream: endStream) }
    }

    /// Server: an interim response (1xx, not 101), before ``respond(_:endStream:on:)``.
    package func respondInterim(_ status: HTTPResponse.Status, on loop: isolated EventLoop) {
        link?.update(on: loop) { $0.respondInterim(status, to: self) }
    }

    /// Sends bytes of the body after what was written before.
    package func write(_ bytes: [UInt8], on loop: isolated EventLoop) {
        link?.update(on: loop) { $0.write(bytes, to: self) }
    }

    /// Ends our side after what was written.
    /// - Parameter trailers: `nil`: none.
    package func end(trailers: HTTPFields? = nil, on loop: isolated EventLoop) {
        link?.update(on: loop) { $0.end(self, trailers: trailers) }
    }

    /// Ends the stream both ways at once; what was written and is not sent yet is dropped.
    package func reset(_ code: HTTP2ErrorCode, on loop: isolated EventLoop) {
        link?.update(on: loop) { $0.reset(self, code) }
    }

    /// Gives back the window of bytes that were received.
    package func consume(_ count: Int, on loop: isolated EventLoop) {
        link?.update(on: loop) { $0.consume(count, of: self) }
    }

    /// Lets the peer have more on its way on this stream and its connection than at first, since somebody wants it.
    package func growWindow(on loop: isolated EventLoop) {
        link?.update(on: loop) { $0.growWindow(of: self) }
    }

    /// A secret was shown on the connection, which its owner may have: its life without one is no longer limited, it may
    /// PING and send SETTINGS at any rate, and its windows become those for large transfers.
    package func connectionIsTrusted(as owner: ConnectionOwner, on loop: isolated EventLoop) {
        guard let link else { return }
        if let place = link.place {
            place.isOf(owner)
            guard place.isKnown else { return }
        }
        link.trust(.agent, on: loop)
    }

    func close() {
        link = nil
        handler = nil
        outbox = HTTP2Outbox()
        ending = nil
    }
}
