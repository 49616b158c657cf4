import COpenSSL

/// SHA-1, for protocols that prescribe it where nothing has to stay secret (the WebSocket handshake, RFC 6455 4.2.2).
/// It is broken as a signature: never use it to protect anything.
package enum SHA1Digest {
    /// The 20 bytes of the digest; `nil` where OpenSSL refuses SHA-1 (a system set to modern digests only).
    package static func hash(_ bytes: [UInt8]) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: 20)
        guard unsafe EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha1(), nil) == 1 else { return nil }
        return digest
    }
}
