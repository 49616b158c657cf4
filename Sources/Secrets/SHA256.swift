import COpenSSL
import CSodium

/// SHA-256 of a stream, chunk by chunk, with OpenSSL (which uses the processor's SHA instructions: about seven times
/// libsodium's speed here).
///
/// Owns its state alone: it cannot be copied, may move between tasks, and is freed when it goes out of scope.
/// The work is synchronous; hash large chunks off the event loops.
// @unchecked: the context has no thread affinity, and this noncopyable value is its only owner, so no two threads can
// reach it at the same time (`update` is mutating, `finish` consuming).
@safe
package struct SHA256Stream: ~Copyable, @unchecked Sendable {
    /// The length of a digest in bytes.
    package static let byteCount = 32

    /// `nil` when OpenSSL has no SHA-256 for us (no memory, a broken openssl.cnf): then `spare` does the work.
    private let context: OpaquePointer?
    private var spare = crypto_hash_sha256_state()

    package init() {
        self.init(openSSL: true)
    }

    /// `openSSL: false` lets a test reach the spare way.
    init(openSSL: Bool) {
        unsafe context = openSSL ? Self.makeContext() : nil
        if unsafe context == nil { unsafe crypto_hash_sha256_init(&spare) }
    }

    /// Looked up once: OpenSSL would search its providers at each use of `EVP_sha256()`.
    // nonisolated(unsafe): set once and never changed; OpenSSL's algorithms are immutable and may be used by all threads.
    private nonisolated(unsafe) static let algorithm: OpaquePointer? =
        unsafe EVP_MD_fetch(nil, "SHA256", nil) ?? EVP_sha256()

    private static func makeContext() -> OpaquePointer? {
        guard let context = unsafe EVP_MD_CTX_new() else { return nil }
        guard unsafe EVP_DigestInit_ex(context, algorithm, nil) == 1 else {
            unsafe EVP_MD_CTX_free(context)
            return nil
        }
        return unsafe context
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
    }

    /// Adds the bytes to the digest.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        if let context = unsafe context {
            // Fails only on a context that is not initialised or already finished; the type rules both out.
            let result = unsafe EVP_DigestUpdate(context, start, bytes.count)
            precondition(result == 1, "SHA-256 refused input")
        } else {
            unsafe crypto_hash_sha256_update(
                &spare, start.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count))
        }
    }

    /// Adds the bytes to the digest.
    package mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe update($0) }
    }

    /// Adds the bytes to the digest.
    package mutating func update(_ bytes: ArraySlice<UInt8>) {
        unsafe bytes.withUnsafeBytes { unsafe update($0) }
    }

    /// The 32 bytes of the digest.
    package consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Self.byteCount)
        if let context = unsafe context {
            let result = unsafe EVP_DigestFinal_ex(context, &digest, nil)
            precondition(result == 1, "SHA-256 gave no digest")
        } else {
            unsafe crypto_hash_sha256_final(&spare, &digest)
        }
        return digest
    }
}

/// SHA-256 of bytes that are in memory.
package enum SHA256Digest {
    /// The 32 bytes of the digest.
    package static func hash(_ bytes: [UInt8]) -> [UInt8] {
        unsafe bytes.withUnsafeBytes { unsafe hash($0) }
    }

    /// The 32 bytes of the digest.
    package static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var stream = SHA256Stream()
        unsafe stream.update(bytes)
        return stream.finish()
    }

    /// The digest as 64 lower-case hexadecimal digits.
    package static func hex(_ bytes: [UInt8]) -> String {
        Hex.encode(hash(bytes))
    }
}

/// HMAC-SHA-256 (RFC 2104), for signatures that others must be able to check; inside the program prefer
/// ``SecretKey/mac(_:)``.
package enum HMACSHA256 {
    /// The 32 bytes of the code; check it with ``constantTimeEquals(_:_:)``.
    package static func code(key: [UInt8], message: [UInt8]) -> [UInt8] {
        var state = crypto_auth_hmacsha256_state()
        var code = [UInt8](repeating: 0, count: Int(crypto_auth_hmacsha256_BYTES))
        unsafe crypto_auth_hmacsha256_init(&state, key, key.count)
        unsafe crypto_auth_hmacsha256_update(&state, message, UInt64(message.count))
        unsafe crypto_auth_hmacsha256_final(&state, &code)
        return code
    }
}
