import GRPC
import Primitives

/// What the reports of one message each are answered with.
struct ReportAnswers: Sendable {
    let countries: any CountryLookup
    /// When the gateway started, Unix seconds.
    let startedAt: UInt64

    /// Stores a report.
    /// - Returns: the encoded answer.
    func answer(
        _ method: NezhaMethod, _ message: [UInt8], of agent: AgentLinkService.Admitted
    ) throws(GRPCStatus) -> [UInt8] {
        do throws(ProtobufError) {
            switch method {
            case .reportSystemInfo:
                agent.session.report(try HostInfo(protobuf: message))
                return Receipt(isProcessed: true).protobuf()
            case .reportSystemInfo2:
                agent.session.report(try HostInfo(protobuf: message))
                return StartReceipt(startedAt: startedAt).protobuf()
            case .reportGeoIP:
                return geoIP(try GeoIPMessage(protobuf: message), of: agent).protobuf()
            case .reportSystemState, .requestTask, .ioStream:
                throw ProtobufError.malformed
            }
        } catch {
            throw GRPCStatus(error)
        }
    }

    /// The answer has no addresses (`agent-link-details.md` 1). Without any in the report, the link's own is taken.
    private func geoIP(_ report: GeoIPMessage, of agent: AgentLinkService.Admitted) -> GeoIPMessage {
        var geoIP = GeoIPInfo(report)
        if geoIP.ipv4.isEmpty, geoIP.ipv6.isEmpty {
            let address = agent.identity.realIP.flatMap { IPAddress($0) } ?? agent.peer.flatMap { IPAddress($0) }
            switch address?.family {
            case .ipv4: geoIP.ipv4 = address?.text ?? ""
            case .ipv6: geoIP.ipv6 = address?.text ?? ""
            case nil: break
            }
        }
        let prefersIPv6 = report.use6 || geoIP.ipv4.isEmpty
        let address = prefersIPv6 && !geoIP.ipv6.isEmpty ? geoIP.ipv6 : geoIP.ipv4
        geoIP.countryCode = address.isEmpty ? "" : countries.country(of: address)?.lowercased() ?? ""
        agent.session.report(geoIP)
        return GeoIPMessage(countryCode: geoIP.countryCode, startedAt: startedAt)
    }
}
