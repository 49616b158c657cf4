extension AgentDirectory {
    package func server(ofStream id: String, for claim: AgentStreamClaim) async -> Int64? {
        guard let stream = stream(id), stream.admits(claim) else { return nil }
        return stream.serverID
    }

    package func attachStream(_ id: String, for claim: AgentStreamClaim) async throws(AgentCallError) -> any AgentStream
    {
        guard let stream = stream(id), stream.attachClient(claim) else { throw .streamRefused }
        return DirectoryStream(session: stream)
    }
}
