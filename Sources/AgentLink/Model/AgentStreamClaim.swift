/// With which credential a stream was opened, or somebody asks for it.
package struct AgentStreamCredential: Sendable, Hashable {
    package var userID: Int64
    /// The Personal Access Token; `nil` for a log-in.
    package var tokenID: Int64?

    package init(userID: Int64, tokenID: Int64? = nil) {
        self.userID = userID
        self.tokenID = tokenID
    }
}

/// Somebody who knows a stream's id and wants the user's side of it.
package struct AgentStreamClaim: Sendable, Hashable {
    package var purpose: AgentStreamPurpose
    package var credential: AgentStreamCredential
    package var isAdministrator: Bool

    package init(purpose: AgentStreamPurpose, credential: AgentStreamCredential, isAdministrator: Bool) {
        self.purpose = purpose
        self.credential = credential
        self.isAdministrator = isAdministrator
    }

    /// Whether this may take a stream opened with `owner`, by credential (`rest-details.md` 5; `security.md`, "Stream id
    /// used as a credential"): a token only what that very token opened; a log-in what its user opened, in whatever way,
    /// and an administrator's log-in every stream.
    func covers(_ owner: AgentStreamCredential) -> Bool {
        if credential.tokenID != nil { return credential == owner }
        return isAdministrator || credential.userID == owner.userID
    }
}
