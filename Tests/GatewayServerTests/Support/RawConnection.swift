import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A client that sends and receives bytes as they are. Reads only what is asked for.
final class RawConnection: Sendable {
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private let received = Mutex(ByteBuffer())
    let channel: any Channel

    private init(
        _ channel: any Channel, _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.channel = channel
        self.outbound = outbound
        iterator = Iterator(inbound.makeAsyncIterator())
    }

    /// `@unchecked Sendable`: each test uses a connection from one task at a time.
    private final class Iterator: @unchecked Sendable {
        var wrapped: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator

        init(_ wrapped: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator) { self.wrapped = wrapped }
    }

    private let iterator: Iterator

    static func with<Result: Sendable>(
        port: Int, tls: (alpn: [String], serverName: String)? = nil,
        _ body: @escaping @Sendable (RawConnection) async throws -> Result
    ) async throws -> Result {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        var configuration = TLSConfiguration.makeClientConfiguration()
                        configuration.certificateVerification = .none
                        configuration.applicationProtocols = tls.alpn
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(
                                context: NIOSSLContext(configuration: configuration), serverHostname: tls.serverName))
                    }
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await body(RawConnection(channel.channel, inbound, outbound))
        }
    }

    func send(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }
    func send(_ bytes: [UInt8]) async throws { try await outbound.write(ByteBuffer(bytes: bytes)) }

    /// Ends the sending side only.
    func finishSending() { outbound.finish() }

    /// The next bytes that come; `nil` at the end.
    func next() async throws -> ByteBuffer? { try await iterator.wrapped.next() }

    /// Receives until the text has come, or the end. What comes after it is kept for the next call.
    func receive(through end: String) async throws -> String {
        let wanted = Array(end.utf8)
        while true {
            let found: String? = received.withLock { buffer in
                let bytes = Array(buffer.readableBytesView)
                guard bytes.count >= wanted.count else { return nil }
                for start in 0...(bytes.count - wanted.count)
                where bytes[start] == wanted[0] && Array(bytes[start..<start + wanted.count]) == wanted {
                    return buffer.readString(length: start + wanted.count)
                }
                return nil
            }
            if let found { return found }
            guard var more = try await next() else {
                return received.withLock { $0.readString(length: $0.readableBytes) ?? "" }
            }
            _ = received.withLock { $0.writeBuffer(&more) }
        }
    }

    /// What ``receive(through:)`` has kept.
    func takeReceived() -> [UInt8] {
        received.withLock { $0.readBytes(length: $0.readableBytes) ?? [] }
    }

    /// Receives everything until the other side ends.
    func receiveAll() async throws -> String {
        while var more = try await next() { _ = received.withLock { $0.writeBuffer(&more) } }
        return received.withLock { $0.readString(length: $0.readableBytes) ?? "" }
    }
}

/// A head without body, as curl sends it.
func get(_ path: String, _ fields: String...) -> String {
    (["GET \(path) HTTP/1.1", "Host: gateway.test"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
}

func post(_ path: String, _ body: String, _ fields: String...) -> String {
    let head = ["POST \(path) HTTP/1.1", "Host: gateway.test", "Content-Length: \(body.utf8.count)"] + fields
    return head.joined(separator: "\r\n") + "\r\n\r\n" + body
}
