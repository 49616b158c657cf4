import MCPServer
import Primitives
import Settings

/// `oauth2.start`: where the browser goes to log in or to bind an identity, `GET /oauth2/{provider}` (`rest-details.md` 3).
struct OAuth2StartTool: Tool {
    private let providers: [OAuth2Provider]
    private let attempts: LogInAttempts
    private let settings: any SettingsStore

    init(_ services: ToolServices, _ providers: [OAuth2Provider], _ attempts: LogInAttempts) {
        self.providers = providers
        self.attempts = attempts
        settings = services.settings
    }

    let definition = ToolDefinition(
        name: "oauth2.start", title: "Visit a provider",
        description: "Tells where the browser goes to log in with a provider, or to bind an identity there.",
        annotations: ToolAnnotations(readOnly: true),
        access: .open, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.oauth2_start_input_json),
        outputSchema: SchemaSource(PackageResources.oauth2_start_output_json))

    struct Input: Decodable, Sendable {
        var provider: String
        /// 1 logs in, 2 binds.
        var type: Int64
    }

    struct Output: Encodable, Sendable {
        var redirect: String
        /// For a cookie of this browser.
        var browser: String
    }

    func run(_ input: Input, in call: ToolCall) async throws -> Output {
        guard let provider = providers.first(where: { $0.name.utf8.elementsEqual(input.provider.utf8) }) else {
            throw ToolFailure.rejected("provider not found")
        }
        guard let purpose = LogInAttempt.Purpose(rawValue: input.type) else {
            throw ToolFailure.rejected("type must be 1 or 2")
        }
        let (attempt, sealed) = attempts.begin(
            purpose, at: provider.name, by: call.principal.session == nil ? 0 : call.principal.user?.id ?? 0,
            redirect: ReturnURL.make(base: call.baseURL, settings.current))
        return Output(redirect: Self.url(provider, attempt), browser: sealed)
    }

    private static func url(_ provider: OAuth2Provider, _ attempt: LogInAttempt) -> String {
        var query: [(name: String, value: String)] = [
            ("access_type", "online"), ("client_id", provider.clientID), ("code_challenge", attempt.challenge),
            ("code_challenge_method", "S256"), ("redirect_uri", attempt.redirect), ("response_type", "code"),
        ]
        if !provider.scopes.isEmpty { query.append(("scope", provider.scopes.joined(separator: " "))) }
        query.append(("state", attempt.state))
        let mark = provider.authorizationURL.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
        return provider.authorizationURL + mark + PercentCode.form(query)
    }
}
