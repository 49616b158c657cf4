/// What is known of a connection when its protocol begins.
package struct ConnectionInfo: Sendable {
    /// `nil` for a socket that is no internet socket.
    package let peer: SocketAddress?
    /// The peer's address without port, IPv4-mapped forms as IPv4, without zone. Every request asks for it.
    package let peerText: String?
    /// Whether the bytes go over TLS.
    package var isSecure: Bool
    /// What ALPN chose.
    package var applicationProtocol: String?
    /// Its place among the connections of its address or owner; `nil` where these are not counted.
    package var place: ConnectionPlace?

    package init(
        peer: SocketAddress? = nil, isSecure: Bool = false, applicationProtocol: String? = nil,
        place: ConnectionPlace? = nil
    ) {
        self.peer = peer
        peerText = peer?.text
        self.isSecure = isSecure
        self.applicationProtocol = applicationProtocol
        self.place = place
    }
}

/// Makes what is spoken over a new connection.
package typealias ProtocolFactory =
    @Sendable (any ByteTransport, ConnectionInfo, isolated EventLoop) -> any ByteProtocol
