/// What we announce to the peer of a connection, and what we let it have.
package struct HTTP2Settings: Sendable, Hashable {
    /// Streams that the peer may have open at once.
    package var maximumStreams: UInt32 = 256
    /// Bytes that may be on their way on a stream, at first and once somebody wants them.
    package var streamWindow: UInt32 = 64 << 10
    package var grownStreamWindow: UInt32 = 1 << 20
    /// As before, for all streams of a connection together. It is more than what several streams whose readers are slow
    /// may hold, so that these don't take it from all others.
    package var connectionWindow: Int32 = 256 << 10
    package var grownConnectionWindow: Int32 = 64 << 20
    /// Bytes in a frame: a piece of a transfer with all that goes before it (`TransferPieces.frame`).
    package var maximumFrame: UInt32 = (256 << 10) + 64
    /// All fields of a message: names, values and 32 bytes each.
    package var maximumHeaderList = 64 << 10
    /// Bytes waiting on all streams of a connection above which each of them may have only little more.
    package var crowded = 4 << 20
    /// The same on a connection that has shown no credential, of which there may be many that read nothing.
    package var crowdedByStranger = 64 << 10

    package init() {}
}

/// What the connection has shown of itself.
enum HTTP2Trust: Comparable {
    case none
    /// A web request with a credential was answered.
    case web
    /// A secret of an agent was accepted.
    case agent
}

/// Which end of a connection this is.
enum HTTP2Role {
    case server
    case client
}
