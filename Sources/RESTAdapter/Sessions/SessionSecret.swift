import Secrets

/// `jwt_secret_key`: signs sessions and CSRF tokens. Printing it shows no byte of it.
package struct SessionSecret: Sendable {
    /// HS256 needs as many bytes as its hash has (RFC 7518, 3.2).
    package static let minimumByteCount = 32

    let bytes: [UInt8]

    /// - Throws: ``SessionSecretError/tooShort(minimum:)``.
    package init(_ text: String) throws(SessionSecretError) {
        bytes = Array(text.utf8)
        guard bytes.count >= Self.minimumByteCount else { throw .tooShort(minimum: Self.minimumByteCount) }
    }

    /// The key of one purpose, which tells nothing of the others.
    func key(for context: String) -> SecretKey { SecretKey(derivedFrom: bytes, context: context) }
}

package enum SessionSecretError: Error, Sendable, Equatable {
    case tooShort(minimum: Int)
}

extension SessionSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "SessionSecret(hidden)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
