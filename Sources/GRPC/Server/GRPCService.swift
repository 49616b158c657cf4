import HTTP
package import Transport

/// Answers calls. One service may know many methods; a router asks its services one after the other.
package protocol GRPCService: Sendable {
    /// What is to answer a new call. It may hold messages, send and even finish at once.
    /// - Returns: nil for a path that the service does not know; the call ends with `unimplemented`, if no other does.
    func handler(for call: GRPCServerCall, on loop: isolated EventLoop) -> (any GRPCServerHandler)?
}

/// What a service does in one call; called on the call's loop. Nothing is called after ``closed(_:on:)``.
package protocol GRPCServerHandler: AnyObject {
    /// A whole message, without its prefix.
    func received(_ message: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop)

    /// The client has sent its last message. Comes before ``closed(_:on:)`` even when the client cancels at once.
    func receivedEnd(in call: GRPCServerCall, on loop: isolated EventLoop)

    /// What was sent is on its way, after ``GRPCServerCall/isWritable`` was false.
    func writable(_ call: GRPCServerCall, on loop: isolated EventLoop)

    /// The call is over, whoever ended it: the client (``GRPCServerCall/isCancelled``), a deadline or a limit, or
    /// ``GRPCServerCall/finish(_:trailers:on:)``, which calls this before it returns.
    func closed(_ call: GRPCServerCall, on loop: isolated EventLoop)
}

extension GRPCServerHandler {
    package func writable(_ call: GRPCServerCall, on loop: isolated EventLoop) {}
}

/// What a server takes of its clients.
package struct GRPCServerLimits: Sendable {
    /// The largest message of a call that has shown a credential, in bytes.
    package var maximumMessage = 20 << 20
    /// The largest message of a call that has not.
    package var maximumGuestMessage = 256 << 10
    /// How long a request without a credential may take to come, in milliseconds.
    package var guestPatience: UInt64 = 30_000
    /// What all calls without a credential may hold of their requests together, in bytes.
    package var guestBudget = 16 << 20
    /// How long a client may take to read the end of a call, in milliseconds. Its stream is reset then.
    package var endPatience: UInt64 = 30_000

    package init() {}
}
