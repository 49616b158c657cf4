package import Transport

/// One HTTP/1.1 request over a connection of its own: no redirects, no cookies, no proxy from the environment, nothing
/// decompressed. For what the agent asks of others (`agent-link-details.md` 2); the gateway's engines have another one.
package enum HTTP1Client {
    package struct Request: Sendable {
        /// A name, or an address without brackets.
        package var host: String
        package var port: UInt16
        /// Its certificate must be the host's, to the roots of the system; `nil` for cleartext.
        package var tls: TLSContext?
        /// As it goes over the wire: method, authority, path with query, and fields besides `Host` and `Connection`.
        package var head: HTTPRequest
        /// Bytes of the answer's body that are kept; all of it is read.
        package var bodyLimit: Int

        package init(host: String, port: UInt16, tls: TLSContext?, head: HTTPRequest, bodyLimit: Int) {
            self.host = host
            self.port = port
            self.tls = tls
            self.head = head
            self.bodyLimit = bodyLimit
        }
    }

    package struct Answer: Sendable {
        package var response: HTTPResponse
        package var body: [UInt8]
        /// DER, with TLS.
        package var certificate: [UInt8]?
        /// Unix seconds, with TLS.
        package var certificateEnds: Int?
    }

    /// The connection ended before the answer did.
    package struct Incomplete: Error, Sendable {}

    /// - Parameter connectLimit: for the look-up of the name, connecting and TLS. The rest has no limit of its own: cancel
    ///   the task.
    /// - Throws: `ConnectError`, ``HTTP1Fault``, ``Incomplete``, `ByteStream.Failure`, `CancellationError`.
    package static func send(
        _ request: Request, connectLimit: Duration, on loop: EventLoop = .shared
    ) async throws -> Answer {
        let (stream, certificate, ends) = try await Connector.connect(
            host: request.host, port: request.port, tls: request.tls, limit: connectLimit, on: loop
        ) { transport, _, loop in
            let (speaker, stream) = ByteStream.make(over: transport, on: loop)
            let tls = transport as? TLSTransport
            return (speaker, (stream, tls?.peerCertificate, tls?.peerCertificateEnd))
        }
        do {
            // At once: a service may answer and close before a second write.
            try await stream.send(bytes(of: request.head))
            var reader = HTTP1ResponseReader(bodyLimit: request.bodyLimit)
            while !reader.hasEnded {
                if let piece = try await stream.receive() {
                    try reader.receive(piece.span)
                } else {
                    do throws(HTTP1Fault) { try reader.end() } catch { throw Incomplete() }
                }
            }
            await stream.close()
            return Answer(
                response: reader.response, body: reader.body, certificate: certificate, certificateEnds: ends)
        } catch {
            await stream.close()
            throw error
        }
    }

    private static func bytes(of head: HTTPRequest) -> [UInt8] {
        var text = "\(head.method.rawValue) \(head.path ?? "/") HTTP/1.1\r\nhost: \(head.authority ?? "")\r\n"
        for field in head.headerFields { text += "\(field.name.rawName): \(field.value)\r\n" }
        text += "connection: close\r\n\r\n"
        return Array(text.utf8)
    }
}
