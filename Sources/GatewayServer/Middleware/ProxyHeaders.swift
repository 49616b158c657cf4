package import HTTP
import MCPServer
package import Settings

/// Finds out what the proxy in front of us says of a request: whose it is, and how it came (`engines.md` 9, real IP). What a
/// proxy says that nobody trusts is forgotten.
package struct ProxyHeaders: Middleware {
    private let settings: any SettingsStore

    package init(settings: any SettingsStore) { self.settings = settings }

    package func answer(_ request: inout InboundRequest, _ rule: PathRule) async -> OutboundResponse? {
        let settings = settings.shared
        let fields = request.head.headerFields
        do throws(RealAddress.HeaderMissing) {
            request.client.real = try RealAddress.resolve(
                setting: settings.value.webRealIPHeader, peer: request.client.peer,
                trustedProxies: settings.value.trustedProxies
            ) { name in HTTPField.Name(name).flatMap { fields[$0] } }
        } catch {
            request.client.real = nil
        }
        if !RealAddress.isTrusted(peer: request.client.peer, trustedProxies: settings.value.trustedProxies) {
            request.head.headerFields[.xForwardedProto] = nil
        }
        return nil
    }
}

/// Refuses a request whose address should have come in a header and did not: it could neither be struck nor be bound to a
/// session (`rest-details.md` 1).
package struct AddressGuard: Middleware {
    private let settings: any SettingsStore

    package init(settings: any SettingsStore) { self.settings = settings }

    package func answer(_ request: inout InboundRequest, _ rule: PathRule) async -> OutboundResponse? {
        guard request.client.real == nil, RealAddress.isExpectedInHeader(settings.shared.value.webRealIPHeader) else {
            return nil
        }
        return EarlyRefusal.json(.ok, RealAddress.HeaderMissing.text, at: rule)
    }
}
