/// `session.refresh`: extend the caller's session (`rest-details.md` 2). Its key stays, so the older token stays good
/// until its own expiry.
struct SessionRefreshTool: Tool {
    private let issuing: SessionIssuing

    init(_ services: ToolServices) {
        issuing = SessionIssuing(services)
    }

    let definition = ToolDefinition(
        name: "session.refresh", title: "Extend the session",
        description: "Extends the session of the caller and returns a new signed token for it.",
        access: .sessionOnly, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.session_refresh_input_json),
        outputSchema: SchemaSource(PackageResources.session_refresh_output_json))

    func run(_ input: NoInput, in call: ToolCall) async throws -> SignedSession {
        guard let session = call.principal.session, let user = call.principal.user else {
            throw ToolFailure.unauthenticated
        }
        return try await issuing.extend(session, of: user.id)
    }
}
