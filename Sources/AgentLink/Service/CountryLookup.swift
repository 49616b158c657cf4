/// Finds the country of an address; the gateway implements it over a GeoIP database. Must return at once.
public protocol CountryLookup: Sendable {
    /// - Returns: an ISO 3166 code, or a continent's; `nil` when unknown.
    func country(of address: String) -> String?
}

/// Knows no country.
public struct NoCountryLookup: CountryLookup {
    public init() {}
    public func country(of address: String) -> String? { nil }
}
