import NIOCore
import NIOPosix

/// Task 9: raw bytes to and from a TCP service that this machine reaches (`agent-link.md` 3, NAT).
///
/// When the service closes, the stream is half-closed after its last byte; for a while the gateway may still send.
/// When the gateway ends the stream, the connection is closed at once.
enum NATSession {
    static let maxFrame = 10_240
    static let connectLimit = TimeAmount.seconds(10)
    static let halfCloseLimit = Duration.seconds(30)

    private enum Side: Sendable {
        case service
        case gateway
    }

    static func run(to host: String, over stream: any FrameStream) async throws {
        guard let address = ServerAddress(host) else { throw ChannelError.unknownLocalAddress }
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(connectLimit)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: address.host, port: address.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        try await channel.executeThenClose { inbound, outbound in
            try await withThrowingTaskGroup(of: Side.self) { group in
                defer { group.cancelAll() }
                group.addTask {
                    for try await buffer in inbound { try await send(buffer, over: stream) }
                    stream.finish()
                    return .service
                }
                group.addTask {
                    while let frame = try await stream.receive() {
                        try await outbound.write(ByteBuffer(bytes: frame))
                    }
                    return .gateway
                }
                guard try await group.next() == .service else { return }
                group.addTask {
                    try await Task.sleep(for: halfCloseLimit)
                    return .service
                }
                _ = try await group.next()
            }
        }
    }

    private static func send(_ buffer: ByteBuffer, over stream: any FrameStream) async throws {
        var rest = buffer
        while rest.readableBytes > 0, let piece = rest.readBytes(length: min(maxFrame, rest.readableBytes)) {
            try await stream.send(piece)
        }
    }
}
