import HTTP
package import MCPServer
package import Outbound
package import RESTAdapter
package import Settings

extension GatewayModule {
    /// Log-in with identities of other providers.
    /// - Parameter client: reaches what the configuration names, on whichever network.
    package static func oauth2(
        _ providers: [OAuth2Provider], _ client: OutboundClient, _ services: ToolServices
    ) -> GatewayModule {
        let attempts = LogInAttempts(dataKey: services.dataKey, now: services.now)
        return GatewayModule(
            name: "oauth2",
            tools: [
                OAuth2StartTool(services, providers, attempts),
                OAuth2FinishTool(services, providers, attempts, ProviderClient(client: client)),
                OAuth2UnbindTool(services),
            ],
            routes: [
                Route(
                    .get, "/oauth2/{provider:text}", "oauth2.start", query: [QueryParameter("type", .integer)],
                    credentials: .sessions, effect: .visitCookie),
                Route(
                    .get, "/oauth2/callback", "oauth2.finish",
                    query: [QueryParameter("state", .text), QueryParameter("code", .text)],
                    cookies: [SessionCookies.visit: "browser"], result: .redirect("location"),
                    credentials: .sessionsOnReturn, effect: .returnedSession),
                Route(.post, "/oauth2/{provider:text}/unbind", "oauth2.unbind", result: .none),
            ])
    }
}
