import AgentLink
import HTTP
import Settings
import Storage
import TestSupport
import Testing

@testable import Monitoring

/// Class "host claim by a tunnel rule" (`security.md`).
@Suite struct TunnelGuardTests {
    private static var settings: GatewaySettings {
        var settings = GatewaySettings()
        (settings.installHost, settings.dashboardHost) = ("gw.example:443", "Dash.Example")
        (settings.listenHost, settings.reservedHosts) = ("192.0.2.1", "bücher.example, 2001:db8::1")
        return settings
    }

    @Test(
        "the gateway's own hosts are its own however they are written",
        arguments: [
            ("gw.example", true), ("GW.EXAMPLE.", true), ("gw.example:8008", true), ("dash.example", true),
            ("192.0.2.1", true), ("192.0.2.1:80", true), ("[2001:DB8:0:0::1]", true), ("[2001:db8::1]:8008", true),
            ("xn--bcher-kva.example", true), ("XN--BCHER-KVA.example:80", true), ("BÜCHER.example", true),
            ("bu\u{308}cher.example", true), ("localhost", true), ("LocalHost:8008", true),
            ("other.example", false), ("sub.gw.example", false), ("", false),
        ])
    func reserved(_ host: String, _ isReserved: Bool) {
        #expect(Self.settings.reserves(host: host) == isReserved)
    }

    private static func request(_ host: String, _ path: String = "/") -> InboundRequest {
        InboundRequest(
            head: HTTPRequest(method: .get, scheme: "http", authority: host, path: path), id: "1",
            client: ClientAddress(peer: nil, real: nil), isSecure: false, body: .empty)
    }

    @Test("a rule for one of them takes nothing; on the host of another rule every path is its service's")
    func takes() async throws {
        let world = try EngineWorld()
        let rows = world.storage.rows(of: NATForm.self)
        func insert(_ domain: String) async throws {
            var form = NATForm()
            (form.domain, form.host, form.serverID, form.enabled) = (domain, "127.0.0.1:80", 1, true)
            _ = try await rows.insert(form, owner: 1, at: world.clock.now)
        }
        for domain in ["gw.example", "xn--bcher-kva.example", "free.example"] { try await insert(domain) }
        let engine = TunnelEngine(
            storage: world.storage, roster: world.roster, network: world.network,
            isReserved: { Self.settings.reserves(host: $0) },
            blocked: { _ in .text(.forbidden, "off") }, logger: quiet)
        try await engine.load()
        try await insert("dash.example")
        for host in ["gw.example", "gw.example:8008", "xn--bcher-kva.example", "dash.example", "none.example"] {
            #expect(engine.owner(of: Self.request(host)) == nil, "\(host)")
        }
        for path in ["/", "/api/v1/server", "/mcp", "/healthz", "/readyz", "/metrics", "/dashboard/"] {
            let request = Self.request("free.example", path)
            let answer = await engine.owner(of: request)?(request)
            // Its agent is not there.
            #expect(answer?.head.status.code == 503, "\(path)")
        }
    }
}
