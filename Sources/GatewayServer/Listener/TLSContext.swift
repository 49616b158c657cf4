import NIOSSL

extension ListenerConfiguration.TLS {
    /// Reads certificate and key.
    /// - Throws: ``ListenerError``.
    func makeContext() throws(ListenerError) -> NIOSSLContext {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMFile(certificatePath)
        } catch {
            throw .badCertificate(path: certificatePath, reason: "not a readable PEM certificate")
        }
        guard !chain.isEmpty else { throw .badCertificate(path: certificatePath, reason: "no certificate in it") }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(file: keyPath, format: .pem)
        } catch {
            throw .badKey(path: keyPath, reason: "not a readable PEM private key")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        // The server's order decides: whoever offers HTTP/1.1 (curl, browsers) gets it, and gRPC clients, which do not
        // offer it, get h2 (`one-port.md`, pitfall 4).
        configuration.applicationProtocols = ["http/1.1", "h2"]
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .badKey(path: keyPath, reason: "it does not belong to the certificate \(certificatePath)")
        }
    }
}
