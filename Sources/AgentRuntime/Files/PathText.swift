/// Names and paths are bytes to the system, and texts to whoever asks. Each byte that is no UTF-8 shows as a character
/// of its own, U+EF80 to U+EFFF for 0x80 to 0xFF (private use), and is that byte again in a path that comes back. Names
/// that have such characters themselves show each of their bytes so; hence different names are different texts, and
/// every name that was listed can be opened.
enum PathText {
    /// What the system has as `bytes`.
    static func text(_ bytes: [UInt8]) -> String {
        if isPlain(bytes) { return String(decoding: bytes, as: UTF8.self) }
        var shown: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.first {
            let length = lengthOfCharacter(rest)
            if length > 0, !isStandIn(rest) {
                shown += rest.prefix(length)
                rest = rest.dropFirst(length)
            } else {
                shown += standIn(for: byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: shown, as: UTF8.self)
    }

    /// Whether `bytes` are the same as their text.
    static func isPlain(_ bytes: [UInt8]) -> Bool {
        if bytes.allSatisfy({ $0 < 0x80 }) { return true }
        var rest = bytes[...]
        while !rest.isEmpty {
            let length = lengthOfCharacter(rest)
            if length == 0 || isStandIn(rest) { return false }
            rest = rest.dropFirst(length)
        }
        return true
    }

    /// What the system is asked for.
    static func bytes(_ text: String) -> [UInt8] {
        let utf8 = Array(text.utf8)
        guard utf8.contains(0xEE) else { return utf8 }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count)
        var rest = utf8[...]
        while let byte = rest.first {
            if isStandIn(rest) {
                // EE BE 80…BF and EE BF 80…BF.
                let (second, third) = (rest[rest.startIndex + 1], rest[rest.startIndex + 2])
                bytes.append(second == 0xBE ? third : third | 0x40)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
                rest = rest.dropFirst()
            }
        }
        return bytes
    }

    private static func standIn(for byte: UInt8) -> [UInt8] {
        // ASCII is never asked for: it is always a character.
        [0xEE, byte < 0xC0 ? 0xBE : 0xBF, 0x80 | byte & 0x3F]
    }

    private static func isStandIn(_ bytes: ArraySlice<UInt8>) -> Bool {
        let head = Array(bytes.prefix(3))
        return head.count == 3 && head[0] == 0xEE && (head[1] == 0xBE || head[1] == 0xBF) && 0x80...0xBF ~= head[2]
    }

    /// Bytes of the UTF-8 character at the front; 0 when there is none (RFC 3629).
    private static func lengthOfCharacter(_ bytes: ArraySlice<UInt8>) -> Int {
        let head = Array(bytes.prefix(4))
        let second: ClosedRange<UInt8>
        let length: Int
        switch head.first ?? 0xFF {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return 0
        }
        guard head.count >= length, second ~= head[1],
            head[..<length].dropFirst(2).allSatisfy({ 0x80...0xBF ~= $0 })
        else { return 0 }
        return length
    }
}
