package import Transport

/// What answers one stream (server), or owns one (client). All of it is called on the connection's loop, in the order of
/// the wire; nothing is called after ``closed(_:on:)``.
package protocol HTTP2StreamHandler: AnyObject {
    /// Client only: the head of the final response; interim ones (1xx) are not shown.
    func receivedHead(_ response: HTTPResponse, on loop: isolated EventLoop)

    /// Bytes of the body, never none. They count against the peer's windows until ``HTTP2Stream/consume(_:on:)`` has
    /// given them back.
    func received(_ bytes: [UInt8], on loop: isolated EventLoop)

    /// The peer sends no more on the stream.
    /// - Parameter trailers: its trailer fields; `nil` without any. At a client's, a response that is nothing but a head
    ///   comes as ``receivedHead(_:on:)`` and then this without trailers.
    func receivedEnd(trailers: HTTPFields?, on loop: isolated EventLoop)

    /// Little of what was written waits any more, so ``HTTP2Stream/isWritable`` holds again.
    func writable(on loop: isolated EventLoop)

    /// The stream is over: the last call. It may come while bytes that were received are not consumed yet; those
    /// remain the handler's, their window is given back for it.
    ///
    /// A server's stream is over once its answer was sent whole, also if the peer is still sending.
    /// - Parameter failure: `nil` after an orderly end.
    func closed(_ failure: HTTP2StreamFailure?, on loop: isolated EventLoop)
}

extension HTTP2StreamHandler {
    package func receivedHead(_ response: HTTPResponse, on loop: isolated EventLoop) {}
    package func writable(on loop: isolated EventLoop) {}
}

/// Chooses what answers a request.
package protocol HTTP2StreamRouter: Sendable {
    /// - Returns: `nil`: a web request, for the connection's ``HTTPEntry``.
    func handler(
        for request: HTTPRequest, on stream: HTTP2Stream, on loop: isolated EventLoop
    ) -> (any HTTP2StreamHandler)?
}
