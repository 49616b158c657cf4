/// How long and how much a client may ask of a connection.
package struct ListenerLimits: Sendable, Hashable {
    /// For a connection that has not shown what it speaks, TLS handshake included.
    package var undecided: Duration = .seconds(10)
    /// For an HTTP/1 connection on which nothing is sent. Longer than the pauses of a slow agent that takes an upload.
    package var idle: Duration = .seconds(120)
    /// For the head of an HTTP/1 request, from its first byte to its last.
    package var head: Duration = .seconds(30)
    /// How long a body may come as slowly as it likes.
    package var bodyGrace: Duration = .seconds(30)
    /// Bytes a second, on average since the grace, that a body has to come with while it is waited for. A phone at the
    /// edge of its network sends several times as much; what sends less only keeps a connection busy.
    package var minimumBodyRate = 256
    /// How long a client that ended its sending side may wait for an answer to begin before it counts as gone.
    package var halfClosed: Duration = .seconds(1)
    /// How long a connection that is not used again is still listened to after the last answer, so that the client can
    /// read it: closing while it sends would reset the connection, and the reset can overtake the answer.
    package var lingering: Duration = .seconds(30)
    /// How long the orderly end of a WebSocket may take: until the client has answered a close, and until what it sent
    /// before it left has been received. Shorter than the grace of a shutdown.
    package var webSocketEnd: Duration = .seconds(3)
    /// All fields of a request together with its first line, and its trailers.
    package var maxHeaderSize = 64 * 1024
    /// How much of a body that nobody wanted is read, so that the answer can be seen, before the connection is closed.
    package var maxSkippedBody = 32 * 1024 * 1024
    /// Bytes of a body that wait for their reader on one connection before the client is held back.
    package var unreadBody = 256 * 1024
    /// Bytes of bodies without a credential that wait for their readers, or are gathered by them, on all connections
    /// together. Above it such bodies are received only when somebody asks for them, and one that is gathered ends its
    /// connection (its stream of HTTP/2) when it is longer than ``shortBody``.
    package var unreadBodies = 64 * 1024 * 1024
    /// More than any log-in has.
    package var shortBody = 16 * 1024
    /// Bytes that may wait behind a request that is being answered.
    package var pipelined = 64 * 1024
    /// Connections of one address that have shown no credential, whatever they do; WebSockets and tunnels have bounds of
    /// their own. Generous, for many clients may come through one proxy, and all agents of one network after a restart.
    package var connectionsOfStrangers = 2048
    /// Connections of one user, from the credential on. What is above is treated as if it had shown none.
    package var connectionsOfUser = 1024
    /// Connections with the credential of one server's agent, which needs one, and another while it comes back. What is
    /// above is treated as if it had shown none.
    package var connectionsOfAgent = 8
    /// One gRPC message. Above it the call ends with RESOURCE_EXHAUSTED before the message is held; a service that wants to
    /// refuse with a word of its own sets a lower limit.
    package var maxMessageSize = 20 * 1024 * 1024
    /// Bytes that an agent may have on their way in one stream, unread.
    package var streamWindow = 1 << 20
    /// How long requests and agent streams may go on after a shutdown was asked for.
    package var shutdownGrace: Duration = .seconds(5)

    package init() {}
}
