import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// One HTTP request of the agent itself. Redirects are not followed.
enum HTTPGet {
    struct Answer: Sendable {
        var status: UInt
        var reason: String
        var body: [UInt8]
        /// DER, with TLS.
        var certificate: [UInt8]?
        /// Unix seconds, with TLS.
        var certificateEnds: Int?
    }

    private struct Target {
        var host: String
        var port: Int
        var isTLS: Bool
        var authority: String
        var path: String
    }

    private typealias HTTPChannel = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    /// - Parameter bodyLimit: bytes of the body that are kept; all of it is read.
    static func run(_ url: String, bodyLimit: Int) async throws -> Answer {
        let target = try target(url)
        let tls = target.isTLS ? try NIOSSLContext(configuration: .makeClientConfiguration()) : nil
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.seconds(10))
            .connect(host: target.host, port: target.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(tlsHandler(tls, target.host)) }
                    try pipeline.addHTTPClientHandlers()
                    return try HTTPChannel(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            // At once: a service may answer and close before a second write.
            try await outbound.write(contentsOf: [.head(head(target)), .end(nil)])
            var answer = try await read(inbound, bodyLimit: bodyLimit)
            if target.isTLS {
                let certificate = try await channel.channel.nioSSL_peerCertificate().get()
                answer.certificate = try certificate?.toDERBytes()
                answer.certificateEnds = certificate.map { Int($0.notValidAfter) }
            }
            return answer
        }
    }

    private static func target(_ url: String) throws -> Target {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            scheme == "http" || scheme == "https", let host = parts.host, !host.isEmpty
        else { throw ProbeFailure(text: "a URL with http:// or https:// is expected") }
        let isTLS = scheme == "https"
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        let shown = bare.contains(":") ? "[\(bare)]" : bare
        let path =
            (parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath)
            + (parts.percentEncodedQuery.map { "?\($0)" } ?? "")
        return Target(
            host: bare, port: parts.port ?? (isTLS ? 443 : 80), isTLS: isTLS,
            authority: parts.port.map { "\(shown):\($0)" } ?? shown, path: path)
    }

    private static func head(_ target: Target) -> HTTPRequestHead {
        HTTPRequestHead(
            version: .http1_1, method: .GET, uri: target.path,
            headers: [
                "host": target.authority, "user-agent": "nezha-agent/\(AgentVersion.current)", "accept": "*/*",
                "connection": "close",
            ])
    }

    /// An address is no name that TLS could ask for.
    private static func tlsHandler(_ context: NIOSSLContext, _ host: String) throws -> NIOSSLClientHandler {
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
    }

    private static func read(
        _ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>, bodyLimit: Int
    ) async throws -> Answer {
        var answer: Answer?
        for try await part in inbound {
            switch part {
            case .head(let head):
                // 1xx heads come before the one that counts.
                if head.status.code >= 200 {
                    answer = Answer(status: head.status.code, reason: head.status.reasonPhrase, body: [])
                }
            case .body(let buffer):
                let room = bodyLimit - (answer?.body.count ?? bodyLimit)
                answer?.body += buffer.readableBytesView.prefix(max(0, room))
            case .end:
                if let answer { return answer }
            }
        }
        throw ProbeFailure(text: "the connection ended before the answer did")
    }
}
