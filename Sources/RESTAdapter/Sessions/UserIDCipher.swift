import Secrets

/// Writes a user's id so that the text tells neither the id nor how many users there are: a keyed permutation of the
/// 64-bit numbers (a Feistel network of eight rounds), always the same for one key.
struct UserIDCipher: Sendable {
    private static let rounds: [UInt8] = Array(0..<8)

    private let key: SecretKey

    init(secret: SessionSecret) {
        key = secret.key(for: "user id in sessions")
    }

    /// 16 lower-case hex digits.
    func encode(_ id: Int64) -> String {
        var (left, right) = Self.halves(UInt64(bitPattern: id))
        for round in Self.rounds { (left, right) = (right, left ^ mix(round, right)) }
        return Hex.encode(Self.bytes(left) + Self.bytes(right))
    }

    /// - Returns: `nil` for a text that ``encode(_:)`` did not make of a user's id.
    func decode(_ text: String) -> Int64? {
        guard text.utf8.count == 16, let bytes = Hex.decode(text), text == Hex.encode(bytes) else { return nil }
        var (left, right) = Self.halves(bytes.reduce(0) { $0 << 8 | UInt64($1) })
        for round in Self.rounds.reversed() { (left, right) = (right ^ mix(round, left), left) }
        let id = Int64(bitPattern: UInt64(left) << 32 | UInt64(right))
        return id > 0 ? id : nil
    }

    private func mix(_ round: UInt8, _ half: UInt32) -> UInt32 {
        key.mac([round] + Self.bytes(half)).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func halves(_ number: UInt64) -> (UInt32, UInt32) {
        (UInt32(truncatingIfNeeded: number >> 32), UInt32(truncatingIfNeeded: number))
    }

    private static func bytes(_ half: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: half >> $0) }
    }
}
