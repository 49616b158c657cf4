import Transport

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
    /// The key's four bytes, twice, the first one lowest; `nil` for a frame without mask.
    private let mask: UInt64?

    /// Takes it off the front of what has come; takes nothing and gives `nil` while it is not complete.
    init?(reading input: inout ByteQueue) {
        guard input.count >= 2 else { return nil }
        let (first, second) = (input[0], input[1])
        var start = 2
        let size =
            switch second & 0x7F {
            case 126: 2
            case 127: 8
            default: 0
            }
        let isMasked = second & 0x80 != 0
        guard input.count >= start + size + (isMasked ? 4 : 0) else { return nil }
        var length = UInt64(second & 0x7F)
        if size > 0 {
            length = 0
            for position in start..<start + size { length = length << 8 | UInt64(input[position]) }
            start += size
        }
        isLengthMinimal = size == 0 || length > (size == 2 ? 125 : UInt64(UInt16.max))
        if isMasked {
            var key: UInt32 = 0
            for position in (start..<start + 4).reversed() { key = key << 8 | UInt32(input[position]) }
            mask = UInt64(key) << 32 | UInt64(key)
            start += 4
        } else {
            mask = nil
        }
        opcode = WebSocketOpcode(rawValue: first & 0x0F) ?? .reserved
        isFinal = first & 0x80 != 0
        hasReservedBits = first & 0x70 != 0
        isLengthValid = length <= UInt64(Int.max)
        self.length = isLengthValid ? Int(length) : 0
        input.removeFirst(start)
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
        unmask(&bytes, from: 0, offset: 0)
        return bytes
    }

    /// - Parameters:
    ///   - start: where the bytes of this frame begin.
    ///   - offset: where in the payload they begin.
    func unmask(_ bytes: inout [UInt8], from start: Int, offset: Int) {
        guard let mask else { return }
        // Turned so that the key begins where the bytes do.
        let turn = UInt64(8 * (offset % 4))
        let key = turn == 0 ? mask : mask >> turn | mask << (64 - turn)
        unsafe bytes.withUnsafeMutableBytes { all in
            let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: all[start...])
            var index = 0
            while index + 8 <= bytes.count {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                unsafe bytes.storeBytes(of: word ^ key.littleEndian, toByteOffset: index, as: UInt64.self)
                index += 8
            }
            while index < bytes.count {
                unsafe bytes[index] ^= UInt8(truncatingIfNeeded: key >> UInt64(8 * (index % 8)))
                index += 1
            }
        }
    }
}

/// The frames the gateway sends: never masked, never fragmented.
enum WebSocketFrame {
    static func message(_ message: WebSocketMessage) -> [UInt8] {
        switch message {
        case .text(let text): frame(.text, text.utf8)
        case .binary(let bytes): frame(.binary, bytes)
        }
    }

    /// - Parameter payload: at most 125 bytes.
    static func control(_ opcode: WebSocketOpcode, _ payload: [UInt8] = []) -> [UInt8] {
        frame(opcode, payload)
    }

    /// - Parameter close: `nil`: a close without a code, as the client's was.
    static func close(_ close: WebSocketClose?) -> [UInt8] {
        guard let close else { return control(.close) }
        return control(.close, [UInt8(close.code >> 8), UInt8(close.code & 0xFF)] + close.reasonThatFits)
    }

    static func text(_ payload: [UInt8]) -> [UInt8] { frame(.text, payload) }

    private static func frame(_ opcode: WebSocketOpcode, _ payload: some Collection<UInt8>) -> [UInt8] {
        let count = payload.count
        var frame: [UInt8] = []
        frame.reserveCapacity(count + 10)
        frame.append(0x80 | opcode.rawValue)
        switch count {
        case ...125: frame.append(UInt8(count))
        case ...Int(UInt16.max): frame += [126, UInt8(count >> 8), UInt8(count & 0xFF)]
        default:
            frame.append(127)
            for shift in stride(from: 56, through: 0, by: -8) { frame.append(UInt8(count >> shift & 0xFF)) }
        }
        frame += payload
        return frame
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
