import AgentLink

/// Where the gateway listens.
public struct ListenerConfiguration: Sendable, Hashable {
    /// The second, encrypted port.
    public struct TLS: Sendable, Hashable {
        public var port: Int
        /// PEM; the certificate first, then its issuers.
        public var certificatePath: String
        /// PEM.
        public var keyPath: String

        public init(port: Int, certificatePath: String, keyPath: String) {
            self.port = port
            self.certificatePath = certificatePath
            self.keyPath = keyPath
        }
    }

    /// A name or address; empty: all addresses of the machine.
    public var host: String
    /// 0 picks a free one.
    public var port: Int
    public var tls: TLS?
    public var limits = ListenerLimits()

    public init(host: String, port: Int, tls: TLS? = nil) {
        self.host = host
        self.port = port
        self.tls = tls
    }
}

/// How long and how much a client may ask of a connection.
public struct ListenerLimits: Sendable, Hashable {
    /// For a connection that has not shown what it speaks, TLS handshake included.
    public var undecided: Duration = .seconds(10)
    /// For an HTTP/1 connection on which nothing is sent. Longer than the pauses of a slow agent that takes an upload.
    public var idle: Duration = .seconds(120)
    /// How long a client that ended its sending side may wait for an answer to begin before it counts as gone.
    public var halfClosed: Duration = .seconds(1)
    /// How long the orderly end of a WebSocket may take: until the client has answered a close, and until what it sent
    /// before it left has been received. Shorter than the grace of a shutdown.
    public var webSocketEnd: Duration = .seconds(3)
    /// All fields of a request together, and each of them.
    public var maxHeaderSize = 64 * 1024
    /// How much of a body that nobody wanted is read, so that the answer can be seen, before the connection is closed.
    public var maxSkippedBody = 32 * 1024 * 1024
    /// One gRPC message. Above it the transport drops the call without a status, so a service that wants to refuse with
    /// a word sets a lower limit of its own.
    public var maxMessageSize = 20 * 1024 * 1024
    /// Bytes that an agent may have on their way in one stream, unread.
    public var streamWindow = 1 << 20
    /// What one read of an agent's socket takes at most.
    public var pieceSize = TransferPieces.payload
    /// A body counts as long, and is read in larger pieces, once so much of it was wanted.
    public var longBody = 1 << 20
    /// What one read of a long body takes at most; several wait at a time.
    public var longBodyPiece = TransferPieces.payload / 2
    /// How long requests and agent streams may go on after a shutdown was asked for.
    public var shutdownGrace: Duration = .seconds(5)

    public init() {}
}
