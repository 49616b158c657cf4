import HTTP
import TestSupport

/// An agent's connection as grpc-go keeps it, frame by frame: while data come it always has one PING on its way, to
/// measure what the link carries, and doubles its windows by SETTINGS as long as they are filled.
///
/// It belongs to one task; frames are taken while something is waited for.
final class GoAgent {
    struct Lost: Error, Equatable {
        /// Of the GOAWAY or RST_STREAM; `nil` when the connection just ended.
        var code: HTTP2ErrorCode?
    }

    private static let secret = "a secret that is shown"
    private static let frame = 16 << 10
    private static let largestWindow = 16 << 20

    private let connection: RawConnection
    private var inbound: [UInt8] = []
    /// What the gateway lets us send: on the connection (0) and on each stream.
    private var credit: [Int32: Int] = [0: 65_535]
    private var initialCredit = 65_535
    /// What we let the gateway send.
    private var window = 65_535
    private var owed: [Int32: Int] = [:]
    /// Bytes received since the PING that is on its way.
    private var sample: Int?
    private var received: [Int32: [UInt8]] = [:]
    private(set) var pings = 0
    private(set) var settings = 0

    init(_ connection: RawConnection) async throws {
        self.connection = connection
        try await connection.send(HTTP2Wire.preface)
    }

    /// Begins a call of `proto.NezhaService`.
    func open(_ stream: Int32, _ method: String) async throws {
        credit[stream] = initialCredit
        try await connection.send(
            HTTP2Wire.headers(
                stream,
                [
                    (":method", "POST"), (":scheme", "http"), (":path", "/proto.NezhaService/\(method)"),
                    (":authority", "gateway.test"), ("content-type", "application/grpc"), ("te", "trailers"),
                    ("client_secret", Self.secret), ("client_uuid", "77777777-7777-4777-8777-777777777777"),
                ]))
    }

    // MARK: Messages

    /// Sends a message as far as the windows are open, and waits for them.
    func send(_ message: [UInt8], on stream: Int32) async throws {
        let length = message.count
        var rest = ([0] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + message)[...]
        while !rest.isEmpty {
            var frames: [UInt8] = []
            while let room = [credit[0], credit[stream]].compactMap({ $0 }).min(), room > 0, !rest.isEmpty {
                let piece = Array(rest.prefix(min(room, Self.frame)))
                rest = rest.dropFirst(piece.count)
                for id in [0, stream] { credit[id, default: 0] -= piece.count }
                frames += HTTP2Wire.data(stream, piece)
            }
            if frames.isEmpty { try await pump() } else { try await connection.send(frames) }
        }
    }

    /// The next message of a call.
    func receive(on stream: Int32) async throws -> [UInt8] {
        while true {
            if let bytes = received[stream], bytes.count >= 5 {
                let length = bytes[1..<5].reduce(0) { $0 << 8 | Int($1) }
                if bytes.count >= 5 + length {
                    received[stream]?.removeFirst(5 + length)
                    return Array(bytes[5..<5 + length])
                }
            }
            try await pump()
        }
    }

    // MARK: Frames

    func ping(_ count: Int = 1) async throws {
        pings += count
        let frame = HTTP2Wire.frame(.ping, 0, 0, [UInt8](repeating: 1, count: 8))
        try await connection.send((0..<count).flatMap { _ in frame })
    }

    func announce(_ values: [(UInt16, UInt32)] = []) async throws {
        settings += 1
        try await connection.send(HTTP2Wire.settings(values))
    }

    /// Takes what comes next.
    private func pump() async throws {
        guard let more = try? await connection.next() else { throw Lost() }
        inbound += more
        let frames = HTTP2Wire.parse(inbound)
        inbound.removeFirst(frames.reduce(0) { $0 + 9 + $1.payload.count })
        for frame in frames { try await take(frame) }
    }

    private func take(_ frame: HTTP2Wire.Frame) async throws {
        guard let kind = HTTP2Wire.Kind(rawValue: frame.kind) else { return }
        switch kind {
        case .data: try await take(data: frame.payload, of: frame.stream)
        case .settings where frame.flags == 0:
            take(settings: frame.payload)
            try await connection.send(HTTP2Wire.settings(isAcknowledgement: true))
        case .ping where frame.flags == 0: try await connection.send(HTTP2Wire.frame(.ping, 1, 0, frame.payload))
        case .ping: try await pong()
        case .window: credit[frame.stream, default: initialCredit] += number(frame.payload[...])
        case .reset, .goAway: throw Lost(code: frame.code)
        case .headers where frame.endsStream: throw Lost()
        default: break
        }
    }

    private func take(data: [UInt8], of stream: Int32) async throws {
        received[stream, default: []] += data
        var frames: [UInt8] = []
        for id in [0, stream] {
            owed[id, default: 0] += data.count
            guard let count = owed[id], count >= window / 4 else { continue }
            owed[id] = 0
            frames += HTTP2Wire.window(id, UInt32(count))
        }
        if let sample {
            self.sample = sample + data.count
        } else {
            sample = data.count
            try await ping()
        }
        if !frames.isEmpty { try await connection.send(frames) }
    }

    private func pong() async throws {
        guard let sample else { return }
        self.sample = nil
        guard sample * 3 > window * 2, window < Self.largestWindow else { return }
        try await connection.send(HTTP2Wire.window(0, UInt32(window)))
        window *= 2
        try await announce([(4, UInt32(window))])
    }

    private func take(settings: [UInt8]) {
        for start in stride(from: 0, to: settings.count - 5, by: 6) where settings[start + 1] == 4 {
            let value = number(settings[(start + 2)..<(start + 6)])
            for id in credit.keys where id != 0 { credit[id]? += value - initialCredit }
            initialCredit = value
        }
    }

    private func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
}
