import AgentLink

/// What `terminal.open` and `file_manager.open` have in common: an IOStream is made for the caller, its agent told, and
/// the caller attaches by the id (`rest-details.md` 5).
struct StreamOpening: Sendable {
    let purpose: AgentStreamPurpose
    let network: any AgentNetwork

    /// - Returns: the stream's id.
    func open(server id: Int64, in call: ToolCall) async throws -> String {
        guard let credential = AgentStreamCredential(call.principal) else { throw ToolFailure.unauthenticated }
        return try await network.link(to: id).announceStream(purpose, owner: credential)
    }
}

extension AgentStreamCredential {
    /// `nil` for callers without a user.
    init?(_ principal: Principal) {
        guard let user = principal.user else { return nil }
        self.init(userID: user.id, tokenID: principal.token?.id)
    }
}
