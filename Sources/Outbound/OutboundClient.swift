package import HTTP
package import Transport

/// The one way in which the gateway calls others: notifications, web hooks, DDNS providers, OAuth2.
///
/// A target is reached only if every address of its host is permitted, and the connection goes to one of these addresses,
/// so that a name that answers differently a moment later changes nothing. Redirects are answers like others; no proxy, no
/// credentials and no name servers come from the environment; connections, names and cookies are not kept. Requests run on
/// a thread of their own: nothing here blocks a loop, and a slow target delays no other one.
package struct OutboundClient: Sendable {
    package struct Request: Sendable {
        /// As people have typed it; http and https only.
        package var url: String
        package var method: HTTPRequest.Method
        package var headers: HTTPFields
        /// `nil` sends none.
        package var body: [UInt8]?
        /// Whether the server must show a certificate for its name, from an authority that this machine trusts.
        package var verifiesTLS: Bool
        package var limits: Limits

        package init(
            _ method: HTTPRequest.Method, url: String, headers: HTTPFields = [:], body: [UInt8]? = nil,
            verifiesTLS: Bool = true, limits: Limits = Limits()
        ) {
            self.url = url
            self.method = method
            self.headers = headers
            self.body = body
            self.verifiesTLS = verifiesTLS
            self.limits = limits
        }
    }

    package struct Limits: Sendable {
        /// For the look-up of the name, connecting and TLS.
        package var connecting: Duration
        /// For all of it.
        package var whole: Duration
        /// Bytes of the answer's body that are kept. When there are more, the rest is not waited for.
        package var bodyBytes: Int

        package init(
            connecting: Duration = .seconds(10), whole: Duration = .seconds(30), bodyBytes: Int = 1 << 20
        ) {
            self.connecting = connecting
            self.whole = whole
            self.bodyBytes = bodyBytes
        }
    }

    package struct Answer: Sendable {
        package var status: Int
        /// `Content-Type`, as it came.
        package var contentType: String?
        package var body: [UInt8]
        /// Whether there was more than ``Limits/bodyBytes``.
        package var isTruncated: Bool

        /// 2xx.
        package var isSuccess: Bool { 200..<300 ~= status }

        package init(status: Int, contentType: String? = nil, body: [UInt8] = [], isTruncated: Bool = false) {
            self.status = status
            self.contentType = contentType
            self.body = body
            self.isTruncated = isTruncated
        }
    }

    /// Looks the addresses of a host up; an address stands for itself.
    package typealias Lookup =
        @Sendable (_ host: String, _ port: UInt16, _ limit: Duration) async throws(OutboundError) -> [SocketAddress]

    private let guardian: AddressGuard
    private let lookup: Lookup

    package init(guard guardian: AddressGuard) { self.init(guard: guardian, lookup: Self.lookup) }

    /// - Parameter lookup: instead of the system's resolver; for tests.
    package init(guard guardian: AddressGuard, lookup: @escaping Lookup) {
        self.guardian = guardian
        self.lookup = lookup
    }

    /// Sends the request and waits for the answer, whatever its status.
    package func send(_ request: Request) async throws(OutboundError) -> Answer {
        let start = ContinuousClock.now
        let target = try OutboundURL(request.url)
        let addresses = try await permittedAddresses(of: target, limit: request.limits.connecting)
        let spent = ContinuousClock.now - start
        var request = request
        request.limits.connecting -= spent
        request.limits.whole -= spent
        guard request.limits.connecting > .zero, request.limits.whole > .zero else { throw .timeout }
        return try await CurlThread.shared.perform(request, at: target, on: addresses)
    }

    /// All addresses of the target's host; one that is not permitted refuses them all.
    private func permittedAddresses(
        of target: OutboundURL, limit: Duration
    ) async throws(OutboundError) -> [SocketAddress] {
        let addresses = try await lookup(target.host, target.port, limit)
        guard !addresses.isEmpty else { throw .hostNotFound }
        guard addresses.allSatisfy(guardian.permits) else { throw .targetNotAllowed }
        return addresses
    }

    private static let lookup: Lookup = { (host, port, limit) async throws(OutboundError) in
        do throws(ConnectError) {
            return try await Resolver.resolve(host, port: port, limit: limit)
        } catch {
            switch error {
            case .hostNotFound: throw .hostNotFound
            case .timeout: throw .timeout
            case .cancelled: throw .cancelled
            case .system(let error): throw .failed(error.description)
            case .tls: throw .failed("the look-up failed")
            }
        }
    }
}
