/// A log-in provider of `oauth2:` in `config.yaml` (`engines.md` 10). Printing it shows no secret.
package struct OAuth2Provider: Sendable, Hashable {
    /// As pages show it and paths have it, such as `GitHub`.
    package var name: String
    package var clientID: String
    package var clientSecret: String
    /// Where the browser is sent.
    package var authorizationURL: String
    /// Where a code becomes a token.
    package var tokenURL: String
    package var scopes: [String]
    /// Who the owner of a token is, as JSON.
    package var userInfoURL: String
    /// Where the person's id stands in that JSON: names and positions with dots between them, such as `data.id`.
    package var userIDPath: String

    package init(
        name: String, clientID: String, clientSecret: String, authorizationURL: String, tokenURL: String,
        scopes: [String] = [], userInfoURL: String, userIDPath: String
    ) {
        self.name = name
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.authorizationURL = authorizationURL
        self.tokenURL = tokenURL
        self.scopes = scopes
        self.userInfoURL = userInfoURL
        self.userIDPath = userIDPath
    }

    /// The name under which its bindings are kept.
    package var key: String { name.lowercased() }
}

extension OAuth2Provider: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "OAuth2Provider(\(name))" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
