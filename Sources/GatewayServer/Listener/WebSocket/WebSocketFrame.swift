import MCPServer
import NIOCore

/// The types of frames (RFC 6455 5.2).
enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10
    /// Stands for all that the RFC reserves.
    case reserved = 15

    var isControl: Bool { rawValue >= 8 }
}

/// What stands before the payload of a client's frame (RFC 6455 5.2).
struct WebSocketFrameHeader: Sendable {
    let opcode: WebSocketOpcode
    let isFinal: Bool
    /// 0 when ``isLengthValid`` is not set.
    let length: Int
    /// Whether it fits into 63 bits.
    let isLengthValid: Bool
    private let hasReservedBits: Bool
    private let isLengthMinimal: Bool
    /// The key's four bytes, twice, as they lie in memory; `nil` for a frame without mask.
    private let mask: UInt64?

    /// Reads nothing and gives `nil` while the header is not complete.
    init?(reading buffer: inout ByteBuffer) {
        var ahead = buffer
        guard let first = ahead.readInteger(as: UInt8.self), let second = ahead.readInteger(as: UInt8.self) else {
            return nil
        }
        let length: UInt64
        switch second & 0x7F {
        case 126:
            guard let word = ahead.readInteger(as: UInt16.self) else { return nil }
            length = UInt64(word)
            isLengthMinimal = length > 125
        case 127:
            guard let word = ahead.readInteger(as: UInt64.self) else { return nil }
            length = word
            isLengthMinimal = length > UInt64(UInt16.max)
        case let short:
            length = UInt64(short)
            isLengthMinimal = true
        }
        if second & 0x80 != 0 {
            guard let key = ahead.readInteger(endianness: .host, as: UInt32.self) else { return nil }
            mask = UInt64(key) << 32 | UInt64(key)
        } else {
            mask = nil
        }
        opcode = WebSocketOpcode(rawValue: first & 0x0F) ?? .reserved
        isFinal = first & 0x80 != 0
        hasReservedBits = first & 0x70 != 0
        isLengthValid = length <= UInt64(Int.max)
        self.length = isLengthValid ? Int(length) : 0
        buffer = ahead
    }

    /// What is wrong with it.
    /// - Parameter inMessage: a message has begun and is not finished.
    func fault(inMessage: Bool) -> String? {
        if hasReservedBits { return "a reserved bit is set" }
        if opcode == .reserved { return "a reserved opcode" }
        if mask == nil { return "a client masks its frames" }
        if !isLengthValid || !isLengthMinimal { return "a badly written length" }
        if opcode.isControl {
            if !isFinal { return "a control frame is not fragmented" }
            return length > 125 ? "a control frame has at most 125 bytes" : nil
        }
        guard (opcode == .continuation) != inMessage else { return nil }
        return inMessage ? "a message began inside another" : "a continuation of nothing"
    }

    func unmasked(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        bytes.withUnsafeMutableBytes { unmask($0[...], offset: 0) }
        return bytes
    }

    /// - Parameter offset: where in the payload the bytes begin.
    func unmask(_ bytes: Slice<UnsafeMutableRawBufferPointer>, offset: Int) {
        guard let mask else { return }
        let bytes = UnsafeMutableRawBufferPointer(rebasing: bytes)
        // Turned so that the key begins where the bytes do.
        let turn = UInt64(8 * (offset % 4))
        let littleEndian = mask.littleEndian
        let key = (turn == 0 ? littleEndian : littleEndian >> turn | littleEndian << (64 - turn)).littleEndian
        var index = 0
        while index + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            bytes.storeBytes(of: word ^ key, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        withUnsafeBytes(of: key) { key in
            while index < bytes.count {
                bytes[index] ^= key[index % 8]
                index += 1
            }
        }
    }
}

/// The frames the gateway sends: never masked, never fragmented.
enum WebSocketFrame {
    static func message(_ message: WebSocketMessage) -> ByteBuffer {
        switch message {
        case .text(var text):
            text.withUTF8 { frame(.text, UnsafeRawBufferPointer($0)) }
        case .binary(let bytes):
            bytes.withUnsafeBytes { frame(.binary, $0) }
        }
    }

    /// - Parameter payload: at most 125 bytes.
    static func control(_ opcode: WebSocketOpcode, _ payload: [UInt8] = []) -> ByteBuffer {
        payload.withUnsafeBytes { frame(opcode, $0) }
    }

    /// - Parameter close: `nil`: a close without a code, as the client's was.
    static func close(_ close: WebSocketClose?) -> ByteBuffer {
        guard let close else { return control(.close) }
        return control(.close, [UInt8(close.code >> 8), UInt8(close.code & 0xFF)] + close.reasonThatFits)
    }

    private static func frame(_ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(payload.count + 10)
        buffer.writeInteger(0x80 | opcode.rawValue)
        switch payload.count {
        case ...125: buffer.writeInteger(UInt8(payload.count))
        case ...Int(UInt16.max): buffer.writeMultipleIntegers(UInt8(126), UInt16(payload.count))
        default: buffer.writeMultipleIntegers(UInt8(127), UInt64(payload.count))
        }
        buffer.writeBytes(payload)
        return buffer
    }
}

extension WebSocketClose {
    /// The reason in UTF-8, cut at a character: a control frame has room for 123 bytes of it (RFC 6455 5.5).
    var reasonThatFits: [UInt8] {
        var bytes: [UInt8] = []
        for character in reason {
            guard bytes.count + character.utf8.count <= 123 else { break }
            bytes += character.utf8
        }
        return bytes
    }

    /// Codes that may stand in a frame: of the RFC and IANA's registry, of frameworks, of applications (7.4).
    static func mayBeReceived(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
