import Synchronization
import Transport

/// A client that sends and receives bytes as they are. Reads only what is asked for.
final class RawConnection: Sendable {
    private let stream: ByteStream
    private let transport: LoopBound<TCPConnection?>
    private let received = Mutex<[UInt8]>([])

    private static let loops = EventLoopGroup(count: 1)

    private init(_ stream: ByteStream, _ transport: LoopBound<TCPConnection?>) {
        self.stream = stream
        self.transport = transport
    }

    static func with<Result: Sendable>(
        port: Int, _ body: @escaping @Sendable (RawConnection) async throws -> Result
    ) async throws -> Result {
        let connection = try await Connector.connect(
            host: "127.0.0.1", port: UInt16(port), limit: .seconds(10), on: loops.next()
        ) { transport, _, loop in
            let (speaker, stream) = ByteStream.make(over: transport, on: loop)
            return (speaker, RawConnection(stream, LoopBound(transport as? TCPConnection, on: loop)))
        }
        do {
            let result = try await body(connection)
            await connection.stream.close()
            return result
        } catch {
            await connection.stream.close()
            throw error
        }
    }

    func send(_ text: String) async throws { try await stream.send(Array(text.utf8)) }
    func send(_ bytes: [UInt8]) async throws { try await stream.send(bytes) }

    /// Ends the sending side only.
    func finishSending() async { await stream.finishSending() }

    /// Closes with a reset.
    func reset() async {
        await transport.loop.run { [transport] loop in transport.get(on: loop)?.close(resetting: true, on: loop) }
    }

    /// The next bytes that come; `nil` at the end.
    func next() async throws -> [UInt8]? { try await stream.receive() }

    /// Receives until the text has come, or the end. What comes after it is kept for the next call.
    func receive(through end: String) async throws -> String {
        let wanted = Array(end.utf8)
        while true {
            let found: String? = received.withLock { bytes in
                guard let range = bytes.firstRange(of: wanted) else { return nil }
                defer { bytes.removeFirst(range.upperBound) }
                return String(decoding: bytes[..<range.upperBound], as: UTF8.self)
            }
            if let found { return found }
            guard let more = try await next() else { return takeText() }
            received.withLock { $0 += more }
        }
    }

    /// What ``receive(through:)`` has kept.
    func takeReceived() -> [UInt8] {
        received.withLock { bytes in
            defer { bytes = [] }
            return bytes
        }
    }

    private func takeText() -> String { String(decoding: takeReceived(), as: UTF8.self) }

    /// Receives everything until the other side ends.
    func receiveAll() async throws -> String {
        while let more = try await next() { received.withLock { $0 += more } }
        return takeText()
    }
}
