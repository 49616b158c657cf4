import CCrypt

/// Hashes of passwords that a Nezha dashboard made: bcrypt. They are only verified, never made: whoever logs in with one
/// gets an Argon2id hash (``PasswordHash/isOutdated(_:)``).
enum BcryptHash {
    /// Above this an attempt takes seconds of a processor; dashboards use 10.
    private static let costLimit = 15
    /// bcrypt looks at no more of a password, and the makers of these hashes refused longer ones.
    private static let passwordLimit = 72

    /// Whether a text is `$2a$`, `$2b$` or `$2y$`, a cost of two digits, and 53 characters of salt and hash.
    static func isHash(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 60, bytes[0] == UInt8(ascii: "$"), bytes[1] == UInt8(ascii: "2"),
            "aby".utf8.contains(bytes[2]),
            bytes[3] == UInt8(ascii: "$"), bytes[6] == UInt8(ascii: "$"), let cost = cost(bytes[4], bytes[5])
        else { return false }
        return 4...costLimit ~= cost && bytes[7...].allSatisfy(isDigit)
    }

    /// - Parameter hash: one that ``isHash(_:)`` knows.
    static func verify(_ password: String, against hash: String) -> Bool {
        // A NUL would end the password for C.
        guard password.utf8.count <= passwordLimit, !password.utf8.contains(0), isHash(hash) else { return false }
        let size = MemoryLayout<crypt_data>.size
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: MemoryLayout<crypt_data>.alignment)
        defer { unsafe scratch.deallocate() }
        unsafe scratch.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        guard let made = unsafe crypt_rn(password, hash, scratch, Int32(size)) else { return false }
        return constantTimeEquals(unsafe Array(String(cString: made).utf8), Array(hash.utf8))
    }

    private static func cost(_ tens: UInt8, _ ones: UInt8) -> Int? {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard digits ~= tens, digits ~= ones else { return nil }
        return Int(tens - digits.lowerBound) * 10 + Int(ones - digits.lowerBound)
    }

    /// Of bcrypt's own base 64.
    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}
