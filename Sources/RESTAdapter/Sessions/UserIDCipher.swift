import Secrets

/// Writes a user's id so that the text tells neither the id nor how many users there are, and so that nobody without the
/// key can write one.
struct UserIDCipher: Sendable {
    private let key: SecretKey

    init(secret: SessionSecret) {
        key = secret.key(for: "user id in sessions")
    }

    /// Another text each time.
    func encode(_ id: Int64) -> String {
        Base64.url.encode(key.seal((0..<8).map { UInt8(truncatingIfNeeded: id >> (56 - 8 * $0)) }))
    }

    /// - Returns: `nil` for a text that ``encode(_:)`` did not make of a user's id.
    func decode(_ text: String) -> Int64? {
        guard let sealed = Base64.url.decode(Array(text.utf8)), let bytes = try? key.open(sealed), bytes.count == 8
        else {
            return nil
        }
        let id = bytes.reduce(Int64(0)) { $0 << 8 | Int64($1) }
        return id > 0 ? id : nil
    }
}
