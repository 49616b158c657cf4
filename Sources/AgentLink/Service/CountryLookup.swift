/// Finds the country of an address; the gateway implements it over a GeoIP database. Must return at once.
package protocol CountryLookup: Sendable {
    /// - Returns: an ISO 3166 code, or a continent's; `nil` when unknown.
    func country(of address: String) -> String?
}

/// Knows no country.
package struct NoCountryLookup: CountryLookup {
    package init() {}
    package func country(of address: String) -> String? { nil }
}
