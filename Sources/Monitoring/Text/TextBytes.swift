extension Int {
    /// With zeros in front up to so many digits; for numbers that are not negative.
    func padded(_ digits: Int = 2) -> String {
        let text = String(self)
        return String(repeating: "0", count: Swift.max(0, digits - text.utf8.count)) + text
    }
}

extension CaseIterable where Self: RawRepresentable, RawValue == String {
    /// The case of a name that came from outside, byte for byte.
    package init?(exactly name: String) {
        guard let found = Self.allCases.first(where: { $0.rawValue.utf8.elementsEqual(name.utf8) }) else { return nil }
        self = found
    }
}
