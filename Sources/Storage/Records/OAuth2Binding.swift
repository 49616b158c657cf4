/// An identity at a provider with which a user may log in (`rest-details.md` 3).
package struct OAuth2Binding: Sendable, Hashable {
    /// The provider's name in lower case.
    package var provider: String
    /// What the provider calls the person; compared verbatim, never empty.
    package var openID: String

    package init(provider: String, openID: String) {
        self.provider = provider
        self.openID = openID
    }
}

/// What came of taking bindings back.
package enum OAuth2Unbinding: Sendable, Hashable {
    case done
    /// There was none to that provider.
    case none
    /// Log-in by password is refused, and no other binding would be left; nothing changed.
    case lastWayIn
}
