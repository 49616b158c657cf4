/// Addresses and country of a machine (`agent-link.md` 1, message `GeoIP`; JSON names of `rest.md` 4).
package struct GeoIPInfo: Sendable, Hashable {
    package var ipv4: String
    package var ipv6: String
    /// ISO 3166 code in lower case, else empty.
    package var countryCode: String

    package init(ipv4: String = "", ipv6: String = "", countryCode: String = "") {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.countryCode = countryCode
    }
}
