/// The JSON form of addresses and country (`rest.md` 4, `mcp.md` 4.4): `ip` is always there, what it holds and
/// `country_code` only when known.
extension GeoIPInfo: Codable {
    private enum CodingKeys: String, CodingKey {
        case ip
        case countryCode = "country_code"
    }

    private struct Addresses: Codable, Equatable {
        var ipv4: String?
        var ipv6: String?

        enum CodingKeys: String, CodingKey {
            case ipv4 = "ipv4_addr"
            case ipv6 = "ipv6_addr"
        }
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let addresses = try values.decode(.ip, or: Addresses())
        self.init(
            ipv4: addresses.ipv4 ?? "", ipv6: addresses.ipv6 ?? "",
            countryCode: try values.decode(.countryCode, or: ""))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        let addresses = Addresses(ipv4: ipv4.isEmpty ? nil : ipv4, ipv6: ipv6.isEmpty ? nil : ipv6)
        try values.encode(addresses, forKey: .ip)
        try values.encode(countryCode, .countryCode, unless: "")
    }
}
