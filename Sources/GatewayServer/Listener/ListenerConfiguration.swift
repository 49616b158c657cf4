package import HTTP

/// Where the gateway listens.
package struct ListenerConfiguration: Sendable, Hashable {
    /// The second, encrypted port.
    package struct TLS: Sendable, Hashable {
        package var port: Int
        /// PEM; the certificate first, then its issuers.
        package var certificatePath: String
        /// PEM.
        package var keyPath: String

        package init(port: Int, certificatePath: String, keyPath: String) {
            self.port = port
            self.certificatePath = certificatePath
            self.keyPath = keyPath
        }
    }

    /// A name or address; empty: all addresses of the machine.
    package var host: String
    /// 0 picks a free one.
    package var port: Int
    package var tls: TLS?
    package var limits = ListenerLimits()

    package init(host: String, port: Int, tls: TLS? = nil) {
        self.host = host
        self.port = port
        self.tls = tls
    }
}
