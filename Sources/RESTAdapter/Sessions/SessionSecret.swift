import Secrets

/// `jwt_secret_key`: signs sessions and CSRF tokens. Printing it shows no byte of it.
public struct SessionSecret: Sendable {
    /// HS256 needs as many bytes as its hash has (RFC 7518, 3.2).
    public static let minimumByteCount = 32

    let bytes: [UInt8]

    /// - Throws: ``SessionSecretError/tooShort(minimum:)``.
    public init(_ text: String) throws(SessionSecretError) {
        bytes = Array(text.utf8)
        guard bytes.count >= Self.minimumByteCount else { throw .tooShort(minimum: Self.minimumByteCount) }
    }

    /// The key of one purpose, which tells nothing of the others.
    func key(for context: String) -> SecretKey { SecretKey(derivedFrom: bytes, context: context) }
}

public enum SessionSecretError: Error, Sendable, Equatable {
    case tooShort(minimum: Int)
}

extension SessionSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "SessionSecret(hidden)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
