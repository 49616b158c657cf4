import HTTP
import Logging
import MCPServer
import Settings
import Storage

/// `oauth2.finish`: the browser is back from the provider with a code, `GET /oauth2/callback` (`rest-details.md` 3).
struct OAuth2FinishTool: Tool {
    private let providers: [OAuth2Provider]
    private let attempts: LogInAttempts
    private let client: ProviderClient
    private let users: any UserRepository
    private let strikes: StrikeBook
    private let issuing: SessionIssuing
    private let logger: Logger

    init(
        _ services: ToolServices, _ providers: [OAuth2Provider], _ attempts: LogInAttempts, _ client: ProviderClient
    ) {
        self.providers = providers
        self.attempts = attempts
        self.client = client
        users = services.storage.users
        strikes = services.strikes
        issuing = SessionIssuing(services)
        logger = services.logger
    }

    let definition = ToolDefinition(
        name: "oauth2.finish", title: "Come back from a provider",
        description: "Logs in with the identity that a provider confirms, or binds it to whoever is logged in.",
        access: .open, exposure: .internal, deadline: .seconds(100), identifiesCaller: true,
        inputSchema: SchemaSource(PackageResources.oauth2_finish_input_json),
        outputSchema: SchemaSource(PackageResources.oauth2_finish_output_json))

    struct Input: Decodable, Sendable {
        var state: String?
        var code: String?
        /// What `oauth2.start` gave this browser.
        var browser: String?
    }

    struct Output: Encodable, Sendable {
        var token: String
        var expire: String
        /// The page that the browser goes to.
        var location: String
    }

    func run(_ input: Input, in call: ToolCall) async throws -> Output {
        guard let attempt = attempts.end(sealed: input.browser, state: input.state),
            let provider = providers.first(where: { $0.name.utf8.elementsEqual(attempt.provider.utf8) })
        else { throw ToolFailure.rejected("invalid state key") }
        guard let code = input.code, !code.isEmpty else {
            strikes.strike(
                ip: call.client.real, identifier: StrikeBook.unknownUserIdentifier, reason: .oauth2BruteForce)
            throw ToolFailure.rejected("code is required")
        }
        let openID = try await identity(code, attempt, provider)
        switch attempt.purpose {
        case .logIn: return try await logIn(openID, provider, call)
        case .bind: return try await bind(openID, attempt, provider, call)
        }
    }

    private func logIn(_ openID: String?, _ provider: OAuth2Provider, _ call: ToolCall) async throws -> Output {
        guard let openID,
            let user = try await users.user(boundTo: OAuth2Binding(provider: provider.key, openID: openID))
        else { throw ToolFailure.rejected("oauth2 user not binded yet") }
        strikes.clear(ip: call.client.real, identifier: user.id)
        strikes.clear(ip: call.client.real, identifier: StrikeBook.unknownUserIdentifier)
        return try await answer(user, "/dashboard/login?oauth2=true", call)
    }

    /// Who began it must end it: else a link could bind the identity of whoever made it to the account of whoever follows.
    private func bind(
        _ openID: String?, _ attempt: LogInAttempt, _ provider: OAuth2Provider, _ call: ToolCall
    ) async throws -> Output {
        guard call.principal.session != nil, let caller = call.principal.user, caller.id == attempt.userID else {
            throw ToolFailure.rejected("unauthorized")
        }
        guard let openID else { throw ToolFailure.rejected("the provider tells no id of the user") }
        try await users.bind(OAuth2Binding(provider: provider.key, openID: openID), to: caller.id)
        guard let user = try await users.user(id: caller.id) else { throw ToolFailure.unauthenticated }
        return try await answer(user, "/dashboard/profile?oauth2=true", call)
    }

    private func identity(_ code: String, _ attempt: LogInAttempt, _ provider: OAuth2Provider) async throws -> String? {
        do throws(ProviderClient.Failure) {
            let token = try await client.token(
                for: code, verifier: attempt.verifier, redirect: attempt.redirect, from: provider)
            return try await client.userID(token: token, at: provider)
        } catch {
            try Task.checkCancellation()
            logger.warning(
                "log-in provider refused or failed", metadata: ["provider": "\(provider.name)", "error": "\(error)"])
            switch error {
            case .refused(let code): throw ToolFailure.rejected("oauth2: \"\(code)\"")
            case .noToken(let status): throw ToolFailure.rejected("oauth2: the provider answered with status \(status)")
            case .unreachable(let error): throw ToolFailure.rejected("oauth2: \(error)")
            }
        }
    }

    private func answer(_ user: UserRecord, _ location: String, _ call: ToolCall) async throws -> Output {
        let session = try await issuing.begin(user, call)
        return Output(token: session.token, expire: session.expire, location: location)
    }
}
