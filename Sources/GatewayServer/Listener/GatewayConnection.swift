import HummingbirdCore
import NIOCore
import NIOHTTPTypes

/// An accepted connection whose protocol may not be known yet.
struct GatewayConnection: ServerChildChannelValue {
    typealias HTTPChannel = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    enum Role: Sendable {
        /// - Parameter gone: completes once the client cannot or need not be answered any more.
        case http(HTTPChannel, gone: EventLoopFuture<Void>)
        /// gRPC serves it; nothing is left to do but to wait for its end.
        case grpc
    }

    let channel: any Channel
    /// Fails when the connection ends undecided.
    let role: EventLoopFuture<Role>
}

/// Why a connection was never served.
enum ConnectionRefusal: Error {
    case endedUndecided
    /// gRPC is not running (yet, or any more).
    case grpcNotServing
}
