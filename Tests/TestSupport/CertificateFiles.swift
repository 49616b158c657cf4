import Foundation

/// A certificate for `localhost` and its key, made by openssl; the folder goes with them.
package struct CertificateFiles {
    private let folder: URL
    package var certificate: String { folder.appending(path: "cert.pem").path() }
    package var key: String { folder.appending(path: "key.pem").path() }

    package init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "certificate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // Not Foundation's Process: under load it has been seen to miss the end of its child and wait for ever.
        let command = """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
            -addext subjectAltName=DNS:localhost -out '\(certificate)' -keyout '\(key)' >/dev/null 2>&1
            """
        guard system(command) == 0 else { throw CocoaError(.executableNotLoadable) }
    }

    package func remove() { try? FileManager.default.removeItem(at: folder) }
}
