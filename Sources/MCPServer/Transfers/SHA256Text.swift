import Secrets

/// SHA-256 digests as callers write them.
enum SHA256Text {
    static let matchRule = "if_match_sha256 must be 64 hex chars"
    static let queryRule = "sha256 must be 64 hex chars"

    /// 64 hex digits of either case.
    static func isValid(_ text: some StringProtocol) -> Bool {
        text.utf8.count == 2 * SHA256Stream.byteCount && Hex.decode(text) != nil
    }
}
