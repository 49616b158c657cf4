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
    /// used as a credential"): the user who opened it, or an administrator. What a token opened, of all tokens only that
    /// very one: the others may have been given to others. Scope and server of a token are looked at besides.
    func covers(_ owner: AgentStreamCredential) -> Bool {
        if owner.tokenID != nil, credential.tokenID != nil { return credential == owner }
        return isAdministrator || credential.userID == owner.userID
    }
}
