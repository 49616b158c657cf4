import Primitives

/// What the header `Authorization` carries (`mcp.md` 8.2; `rest-details.md` 7, D6). Read byte by byte: strangers write it.
package struct Authorization: Sendable {
    /// What follows exactly `Bearer `, whatever it is.
    package let bearer: Substring?
    /// The secret of a Personal Access Token that stands where one has to: right behind `Bearer `.
    package let token: Substring?
    /// Whether such a secret stands elsewhere: somebody meant a token and misspelt what comes before it.
    package let isMisspeltToken: Bool

    /// - Parameter header: the header's value; `nil` when there is none.
    package init(_ header: String?) {
        func isToken(_ text: Substring.UTF8View) -> Bool { text.begins(with: Self.tokenPrefix) }
        guard let header else {
            (bearer, token, isMisspeltToken) = (nil, nil, false)
            return
        }
        let whole = header.utf8[...]
        bearer = whole.begins(with: Self.scheme) ? Substring(whole.dropFirst(Self.scheme.count)) : nil
        let trimmed = whole.trimmingBlanks()
        let credential =
            trimmed.begins(with: Self.scheme) ? trimmed.dropFirst(Self.scheme.count).trimmingBlanks() : nil
        if let credential, isToken(credential) {
            (token, isMisspeltToken) = (Substring(credential), false)
        } else {
            let words = whole.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            (token, isMisspeltToken) = (nil, words.contains(where: isToken))
        }
    }

    private static let scheme = Array("Bearer ".utf8)
    private static let tokenPrefix = Array(TokenAuthenticator.prefix.utf8)
}
