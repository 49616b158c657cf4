/// Addresses and country of a machine (`agent-link.md` 1, message `GeoIP`; JSON names of `rest.md` 4).
public struct GeoIPInfo: Sendable, Hashable {
    public var ipv4: String
    public var ipv6: String
    /// ISO 3166 code in lower case, else empty.
    public var countryCode: String

    public init(ipv4: String = "", ipv6: String = "", countryCode: String = "") {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.countryCode = countryCode
    }
}
