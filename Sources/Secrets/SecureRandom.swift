import CSodium

/// Random values from the system's cryptographic generator.
package enum SecureRandom {
    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// `count` random bytes.
    package static func bytes(_ count: Int) -> [UInt8] {
        Sodium.require()
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialised in
            if let start = buffer.baseAddress { unsafe randombytes_buf(start, count) }
            initialised = count
        }
    }

    /// `count` characters of `0-9A-Za-z`, each equally likely: about 5.95 bits a character.
    package static func alphanumeric(_ count: Int) -> String {
        let characters = (0..<count).map { _ in alphabet[Int(below(UInt32(alphabet.count)))] }
        return String(decoding: characters, as: UTF8.self)
    }

    /// A random UUID (version 4) in lower case.
    package static func uuid() -> String {
        var raw = bytes(16)
        raw[6] = raw[6] & 0x0F | 0x40
        raw[8] = raw[8] & 0x3F | 0x80
        let groups = [raw[0..<4], raw[4..<6], raw[6..<8], raw[8..<10], raw[10..<16]]
        return groups.map { Hex.encode($0) }.joined(separator: "-")
    }

    /// A number in `0..<n`, each equally likely; 0 when `n` is 0 or 1.
    package static func below(_ n: UInt32) -> UInt32 {
        Sodium.require()
        return randombytes_uniform(n)
    }
}

/// Compares without telling by its duration where the first difference is. Only the lengths are not hidden.
package func constantTimeEquals(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    return unsafe sodium_memcmp(a, b, a.count) == 0
}
