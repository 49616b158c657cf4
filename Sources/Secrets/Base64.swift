import CSodium

/// RFC 4648 base64, written and read by libsodium. Reading takes the canonical spelling alone: no other characters, no
/// missing or superfluous padding, no bits that belong to no byte.
package enum Base64: Sendable {
    /// With `+`, `/` and padding.
    case standard
    /// With `-` and `_`, without padding (RFC 7515).
    case url

    private var variant: Int32 {
        switch self {
        case .standard: Int32(sodium_base64_VARIANT_ORIGINAL)
        case .url: Int32(sodium_base64_VARIANT_URLSAFE_NO_PADDING)
        }
    }

    package func encode(_ bytes: [UInt8]) -> String {
        // With the zero byte at the end.
        var text = [CChar](repeating: 0, count: sodium_base64_encoded_len(bytes.count, variant))
        unsafe sodium_bin2base64(&text, text.count, bytes, bytes.count, variant)
        return String(decoding: text.dropLast().lazy.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// - Returns: `nil` for what no ``encode(_:)`` made.
    package func decode(_ text: [UInt8]) -> [UInt8]? {
        var count = 0
        var bytes = [UInt8](repeating: 0, count: text.count / 4 * 3 + 3)
        let status = unsafe text.withUnsafeBufferPointer { text in
            unsafe text.withMemoryRebound(to: CChar.self) { text in
                unsafe sodium_base642bin(
                    &bytes, bytes.count, text.baseAddress, text.count, nil, &count, nil, variant)
            }
        }
        // Without a place to say where it stopped, the library fails for anything behind the last character.
        guard status == 0 else { return nil }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
