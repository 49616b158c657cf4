import CSodium

/// A 256-bit key, for one purpose only: derive one key for each (`init(derivedFrom:context:)`).
///
/// Printing or dumping a key shows no byte of it.
package struct SecretKey: Sendable {
    /// The length of a key in bytes.
    package static let byteCount = 32

    /// 32 bytes, which all algorithms below take as they are.
    private let bytes: [UInt8]

    /// - Throws: ``SecretsError/malformed(_:)`` unless there are exactly 32 bytes.
    package init(bytes: [UInt8]) throws {
        try Sodium.start()
        guard bytes.count == Self.byteCount else {
            throw SecretsError.malformed("a key has \(Self.byteCount) bytes")
        }
        self.bytes = bytes
    }

    /// A key for `context`, from a master secret of any length. Keys of different contexts tell nothing of each
    /// other. The result is as unguessable as the master, so refuse short masters before.
    package init(derivedFrom master: [UInt8], context: String) {
        Sodium.require()
        // BLAKE2b takes keys of at most 64 bytes; masters (such as jwt_secret_key) may be longer.
        let root = blake2b(master, key: [], count: 64)
        bytes = blake2b(Array("nezha-gateway key: \(context)".utf8), key: root, count: Self.byteCount)
    }

    /// BLAKE2b-256 of the text under this key, as 64 lower-case hexadecimal digits. The same text always gives the
    /// same hash, so it can be looked up.
    package func keyedHash(_ text: String) -> String { keyedHash(Array(text.utf8)) }

    /// As ``keyedHash(_:)-(String)``, of bytes.
    package func keyedHash(_ message: [UInt8]) -> String { Hex.encode(blake2b(message, key: bytes, count: 32)) }

    /// HMAC-SHA-512-256 of the bytes; check it with ``constantTimeEquals(_:_:)``.
    ///
    /// Another algorithm than ``keyedHash(_:)``'s, so that neither can stand in for the other.
    package func mac(_ bytes: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: Int(crypto_auth_BYTES))
        unsafe crypto_auth(&code, bytes, UInt64(bytes.count), self.bytes)
        return code
    }

    /// Encrypts and authenticates (XChaCha20-Poly1305): random nonce (24 bytes), cipher text, tag (16 bytes).
    package func seal(_ plain: [UInt8]) -> [UInt8] {
        let nonce = SecureRandom.bytes(Self.nonceCount)
        var box = [UInt8](repeating: 0, count: plain.count + Self.tagCount)
        unsafe crypto_aead_xchacha20poly1305_ietf_encrypt(
            &box, nil, plain, UInt64(plain.count), nil, 0, nil, nonce, bytes)
        return nonce + box
    }

    /// The plain bytes of a box that ``seal(_:)`` made.
    /// - Throws: ``SecretsError/cannotOpen`` when the box was made with another key or is not whole.
    package func open(_ sealed: [UInt8]) throws -> [UInt8] {
        guard sealed.count >= Self.nonceCount + Self.tagCount else { throw SecretsError.cannotOpen }
        let nonce = Array(sealed.prefix(Self.nonceCount))
        let box = Array(sealed.dropFirst(Self.nonceCount))
        // One byte of room even for an empty text, so that the pointer is never null.
        var plain = [UInt8](repeating: 0, count: max(1, box.count - Self.tagCount))
        let result = unsafe crypto_aead_xchacha20poly1305_ietf_decrypt(
            &plain, nil, nil, box, UInt64(box.count), nil, 0, nonce, bytes)
        guard result == 0 else { throw SecretsError.cannotOpen }
        return Array(plain.prefix(box.count - Self.tagCount))
    }

    private static let nonceCount = Int(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)
    private static let tagCount = Int(crypto_aead_xchacha20poly1305_ietf_ABYTES)
}

extension SecretKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "SecretKey(hidden)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

private func blake2b(_ message: [UInt8], key: [UInt8], count: Int) -> [UInt8] {
    var hash = [UInt8](repeating: 0, count: count)
    unsafe crypto_generichash(&hash, count, message, UInt64(message.count), key, key.count)
    return hash
}
