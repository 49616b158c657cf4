import Glibc
import Primitives

/// Where systems keep the certificates that they trust.
enum SystemRoots {
    /// Debian, Alpine, SUSE: certificates by the hash of their names.
    static let folder = "/etc/ssl/certs"

    private static let files = [
        "/etc/ssl/certs/ca-certificates.crt",  // Debian, Alpine
        "/etc/pki/tls/certs/ca-bundle.crt",  // Red Hat
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Red Hat, newer
        "/etc/ssl/ca-bundle.pem",  // SUSE
        "/etc/ssl/cert.pem",
    ]

    static var file: String? { files.first { unsafe access($0, R_OK) == 0 } }

    /// Whether the folder has names such as `5ad8a5d6.0`.
    static var hasHashedFolder: Bool {
        guard let entries = unsafe opendir(folder) else { return false }
        defer { unsafe closedir(entries) }
        while let entry = unsafe readdir(entries) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) }
            if name.count == 10, name.suffix(2).elementsEqual(".0".utf8), name.prefix(8).allSatisfy(isHashDigit) {
                return true
            }
        }
        return false
    }

    private static func isHashDigit(_ byte: UInt8) -> Bool { HexDigit.isDigit(byte) && byte == byte.asciiLowercased }
}
