package import Transport

/// A client that sends and receives bytes as they are. Reads only what is asked for.
package final class RawConnection: Sendable {
    private let stream: ByteStream
    private let transport: LoopBound<TCPConnection?>
    private let received = Lock<[UInt8]>([])
    /// What TLS has agreed on.
    package let applicationProtocol: String?

    private static let loops = EventLoopGroup(count: 1)

    private init(_ stream: ByteStream, _ transport: LoopBound<TCPConnection?>, applicationProtocol: String?) {
        self.stream = stream
        self.transport = transport
        self.applicationProtocol = applicationProtocol
    }

    /// - Parameters:
    ///   - port: on 127.0.0.1.
    ///   - tls: shakes hands with it first.
    package static func with<Result: Sendable>(
        port: Int, tls: TLSContext? = nil, _ body: @escaping @Sendable (RawConnection) async throws -> Result
    ) async throws -> Result {
        let connection = try await Connector.connect(
            host: "127.0.0.1", port: UInt16(port), tls: tls, limit: .seconds(10), on: loops.next()
        ) { transport, info, loop in
            let (speaker, stream) = ByteStream.make(over: transport, on: loop)
            let raw = RawConnection(
                stream, LoopBound(transport as? TCPConnection, on: loop),
                applicationProtocol: info.applicationProtocol)
            return (speaker, raw)
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

    package func send(_ text: String) async throws { try await stream.send(Array(text.utf8)) }
    package func send(_ bytes: [UInt8]) async throws { try await stream.send(bytes) }

    /// Ends the sending side only.
    package func finishSending() async { await stream.finishSending() }

    /// Closes with a reset; not for TLS.
    package func reset() async {
        await transport.loop.run { [transport] loop in transport.get(on: loop)?.close(resetting: true, on: loop) }
    }

    /// The next bytes that come; `nil` at the end.
    package func next() async throws -> [UInt8]? { try await stream.receive() }

    /// Receives until the text has come, or the end. What comes after it is kept for the next call.
    package func receive(through end: String) async throws -> String {
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
    package func takeReceived() -> [UInt8] {
        received.withLock { bytes in
            defer { bytes = [] }
            return bytes
        }
    }

    private func takeText() -> String { String(decoding: takeReceived(), as: UTF8.self) }

    /// Receives everything until the other side ends.
    package func receiveAll() async throws -> String {
        while let more = try await next() { received.withLock { $0 += more } }
        return takeText()
    }
}
