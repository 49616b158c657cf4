package import HTTP

/// HTTP/2 as bytes, for what no library sends.
package enum HTTP2Wire {
    package enum Kind: UInt8 {
        case data, headers, priority, reset, settings, push, ping, goAway, window, continuation
    }

    package struct Frame: Equatable {
        package var kind: UInt8
        package var flags: UInt8
        package var stream: Int32
        package var payload: [UInt8]

        package func `is`(_ kind: Kind) -> Bool { self.kind == kind.rawValue }
        /// The code of RST_STREAM or GOAWAY.
        package var code: HTTP2ErrorCode? {
            let bytes = self.is(.reset) ? payload[...] : self.is(.goAway) ? payload.dropFirst(4).prefix(4) : []
            return bytes.count == 4 ? HTTP2ErrorCode(rawValue: bytes.reduce(0) { $0 << 8 | UInt32($1) }) : nil
        }
        package var endsStream: Bool { (self.is(.data) || self.is(.headers)) && flags & 1 != 0 }
    }

    package static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + settings()

    package static func frame(_ kind: UInt8, _ flags: UInt8 = 0, _ stream: Int32, _ payload: [UInt8] = []) -> [UInt8] {
        bytes(UInt32(payload.count)).dropFirst() + [kind, flags] + bytes(UInt32(bitPattern: stream)) + payload
    }

    package static func frame(_ kind: Kind, _ flags: UInt8 = 0, _ stream: Int32, _ payload: [UInt8] = []) -> [UInt8] {
        frame(kind.rawValue, flags, stream, payload)
    }

    package static func settings(_ values: [(UInt16, UInt32)] = [], isAcknowledgement: Bool = false) -> [UInt8] {
        let payload = values.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] + bytes($1) }
        return frame(.settings, isAcknowledgement ? 1 : 0, 0, payload)
    }

    package static func window(_ stream: Int32, _ count: UInt32) -> [UInt8] { frame(.window, 0, stream, bytes(count)) }
    package static func reset(_ stream: Int32, _ code: HTTP2ErrorCode = .cancel) -> [UInt8] {
        frame(.reset, 0, stream, bytes(code.rawValue))
    }
    package static func data(_ stream: Int32, _ payload: [UInt8], end: Bool = false) -> [UInt8] {
        frame(.data, end ? 1 : 0, stream, payload)
    }

    /// Literal fields, neither indexed nor compressed.
    package static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + text($0) + text($1) }
    }

    package static func headers(
        _ stream: Int32, _ fields: [(String, String)], end: Bool = false, endsHeaders: Bool = true
    ) -> [UInt8] {
        frame(.headers, (end ? 1 : 0) | (endsHeaders ? 4 : 0), stream, block(fields))
    }

    /// A request to `path`, with what differs from an ordinary one in `fields`.
    package static func request(
        _ stream: Int32, _ path: String = "/", method: String = "GET", with fields: [(String, String)] = [],
        end: Bool = true
    ) -> [UInt8] {
        headers(
            stream, [(":method", method), (":scheme", "http"), (":authority", "test"), (":path", path)] + fields,
            end: end)
    }

    private static func text(_ text: String) -> [UInt8] {
        let count = text.utf8.count
        guard count >= 127 else { return [UInt8(count)] + text.utf8 }
        var (length, rest) = ([UInt8(127)], count - 127)
        while rest >= 128 {
            length.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return length + [UInt8(rest)] + text.utf8
    }

    private static func bytes(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    /// Whole frames at the beginning of what a server sent.
    package static func parse(_ bytes: [UInt8]) -> [Frame] {
        var (frames, rest) = ([Frame](), bytes[...])
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            guard rest.count >= 9 + length else { break }
            let stream = head[5...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            frames.append(
                Frame(
                    kind: head[3], flags: head[4], stream: Int32(bitPattern: stream & 0x7FFF_FFFF),
                    payload: Array(rest.dropFirst(9).prefix(length))))
            rest = rest.dropFirst(9 + length)
        }
        return frames
    }
}
