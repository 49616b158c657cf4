import AgentLink
import HTTP
import Logging
import Primitives

/// The addresses under which the world sees this machine.
///
/// Without `custom_ip_api` nobody is asked: the gateway then uses the address that the connection comes from
/// (`agent-link.md` 1, `ReportGeoIP`), which needs no third party and works without internet.
enum PublicAddresses {
    static let limit = Duration.seconds(20)

    static func look(_ configuration: AgentConfiguration, logger: Logger) async -> GeoIPInfo {
        var found = GeoIPInfo()
        for url in configuration.customIPAPI where found.ipv4.isEmpty || found.ipv6.isEmpty {
            do {
                let answer = try await withDeadline(limit) { try await HTTPGet.run(url, bodyLimit: 4096) }
                guard let address = address(in: String(decoding: answer.body, as: UTF8.self)) else { continue }
                switch address.family {
                case .ipv4 where found.ipv4.isEmpty: found.ipv4 = address.text
                case .ipv6 where found.ipv6.isEmpty: found.ipv6 = address.text
                default: break
                }
            } catch {
                logger.debug("address service did not answer", metadata: ["error": "\(error)"])
            }
        }
        return found
    }

    private static let separators = Set("\",{}= \n\r\t".utf8)

    /// Services answer an address alone, a line `ip=…`, or JSON with the address as one of its texts.
    static func address(in text: String) -> IPAddress? {
        text.utf8.split { separators.contains($0) }.lazy.compactMap { IPAddress(Substring($0)) }.first
    }
}
