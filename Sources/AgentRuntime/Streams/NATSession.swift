import Transport

/// Task 9: raw bytes to and from a TCP service that this machine reaches (`agent-link.md` 3, NAT).
///
/// When the service closes, the stream is half-closed after its last byte; for a while the gateway may still send.
/// When the gateway ends the stream, the connection is closed at once.
enum NATSession {
    static let maxFrame = 10_240
    static let connectLimit = Duration.seconds(10)
    static let halfCloseLimit = Duration.seconds(30)

    private enum Side: Sendable {
        case service
        case gateway
    }

    static func run(to host: String, over stream: any FrameStream) async throws {
        guard let address = ServerAddress(host) else { throw ProbeFailure(text: "host:port expected") }
        let service = try await ByteStream.connect(address, limit: connectLimit)
        do {
            try await relay(service, stream)
        } catch {
            await service.close()
            throw error
        }
        await service.close()
    }

    private static func relay(_ service: ByteStream, _ stream: any FrameStream) async throws {
        try await withThrowingTaskGroup(of: Side.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                while let bytes = try await service.receive() { try await send(bytes, over: stream) }
                stream.finish()
                return .service
            }
            group.addTask {
                while let frame = try await stream.receive() { try await service.send(frame) }
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

    private static func send(_ bytes: [UInt8], over stream: any FrameStream) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            try await stream.send(Array(rest.prefix(maxFrame)))
            rest = rest.dropFirst(maxFrame)
        }
    }
}
