import GRPCCore

/// The handlers of the six methods. The long-lived ones are in `NezhaService+TaskStream.swift`,
/// `NezhaService+StateStream.swift` and `NezhaService+IOStream.swift`.
struct NezhaService: Proto_NezhaService.ServiceProtocol {
    let directory: AgentDirectory
    let gate: AgentGate
    let countries: any CountryLookup
    /// When the gateway started, Unix seconds.
    let bootTime: UInt64

    var configuration: AgentLinkConfiguration { directory.configuration }

    func reportSystemInfo(
        request: ServerRequest<Proto_Host>, context: ServerContext
    ) async throws -> ServerResponse<Proto_Receipt> {
        try await report(request, context)
        return ServerResponse(message: .accepted)
    }

    func reportSystemInfo2(
        request: ServerRequest<Proto_Host>, context: ServerContext
    ) async throws -> ServerResponse<Proto_Uint64Receipt> {
        try await report(request, context)
        var receipt = Proto_Uint64Receipt()
        receipt.data = bootTime
        return ServerResponse(message: receipt)
    }

    /// The answer has no addresses (`agent-link-details.md` 1). Without any in the report, the link's own is taken.
    func reportGeoIP(
        request: ServerRequest<Proto_GeoIP>, context: ServerContext
    ) async throws -> ServerResponse<Proto_GeoIP> {
        let (identity, session) = try await admit(request.metadata, context)
        var geoIP = GeoIPInfo(request.message)
        if geoIP.ipv4.isEmpty, geoIP.ipv6.isEmpty {
            let address = identity.realIP.flatMap { IPAddress($0) } ?? IPAddress(grpcPeer: context.remotePeer)
            switch address?.family {
            case .ipv4: geoIP.ipv4 = address?.text ?? ""
            case .ipv6: geoIP.ipv6 = address?.text ?? ""
            case nil: break
            }
        }
        let prefersIPv6 = request.message.use6 || geoIP.ipv4.isEmpty
        let address = prefersIPv6 && !geoIP.ipv6.isEmpty ? geoIP.ipv6 : geoIP.ipv4
        geoIP.countryCode = address.isEmpty ? "" : countries.country(of: address)?.lowercased() ?? ""
        session.report(geoIP)
        var answer = Proto_GeoIP()
        answer.countryCode = geoIP.countryCode
        answer.dashboardBootTime = bootTime
        return ServerResponse(message: answer)
    }

    /// - Returns: the admitted agent and its session, made at the first call.
    func admit(_ metadata: Metadata, _ context: ServerContext) async throws -> (AgentIdentity, AgentSession) {
        let identity = try await gate.admit(metadata, context)
        do throws(AgentStreamEnd) {
            return (identity, try directory.session(of: identity.serverID))
        } catch {
            throw RPCError(error)
        }
    }

    private func report(_ request: ServerRequest<Proto_Host>, _ context: ServerContext) async throws {
        let (_, session) = try await admit(request.metadata, context)
        session.report(HostInfo(request.message))
    }
}

extension Proto_Receipt {
    static var accepted: Proto_Receipt {
        var receipt = Proto_Receipt()
        receipt.proced = true
        return receipt
    }
}

/// Runs the parts of a stream until the first of them returns or throws, then cancels and awaits the others. The other
/// parts' errors are only echoes of their cancellation.
func firstToEnd(_ parts: [@Sendable () async throws -> Void]) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        defer { group.cancelAll() }
        for part in parts { group.addTask(operation: part) }
        try await group.next()
    }
}
