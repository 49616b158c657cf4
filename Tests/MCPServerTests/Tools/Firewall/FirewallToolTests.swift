import JSON
import Storage
import Testing

@testable import MCPServer

@Suite("Tools: strikes and watchers")
struct FirewallToolTests {
    private func administrator(_ gateway: TestGateway) async throws -> Principal {
        try await gateway.session(of: try await gateway.user("root", role: .administrator))
    }

    private func ips(_ page: JSONValue) -> [String] {
        page["value"]?.arrayValue?.compactMap { $0["ip"]?.stringValue } ?? []
    }

    @Test("strikes are listed newest first, in pages")
    func list() async throws {
        try await TestGateway.running { gateway in
            let admin = try await administrator(gateway)
            for number in 1...3 {
                gateway.strikes.strike(
                    ip: "192.0.2.\(number)", identifier: StrikeBook.unknownUserIdentifier, reason: .loginFailed)
                gateway.advance(1)
            }
            func page(_ arguments: JSONValue) async throws -> JSONValue {
                try await gateway.call("waf.list", arguments, as: admin, origin: .rest).get()
            }
            #expect(ips(try await page([:])) == ["192.0.2.3", "192.0.2.2", "192.0.2.1"])
            let second = try await page(["limit": 1, "offset": 1])
            #expect(ips(second) == ["192.0.2.2"])
            #expect(second["pagination"] == ["offset": 1, "limit": 1, "total": 3])
            let odd = try await page(["limit": 0, "offset": -1])
            #expect(odd["pagination"] == ["offset": 0, "limit": 25, "total": 3])
            #expect(ips(try await page(["offset": 9_000_000_000_000_000_000])) == [])
            #expect(ips(try await page(["limit": 9_000_000_000_000_000_000, "offset": 2])) == ["192.0.2.1"])
        }
    }

    @Test("forgiven addresses are free, in whatever spelling; what is no address is passed over")
    func forgive() async throws {
        try await TestGateway.running { gateway in
            let admin = try await administrator(gateway)
            for ip in ["192.0.2.1", "2001:db8::1", "192.0.2.9"] {
                gateway.strikes.strike(ip: ip, identifier: 7, reason: .loginFailed)
            }
            let result = await gateway.call(
                "waf.delete", ["ips": ["192.0.2.1", "nonsense", "2001:DB8:0:0::1", "192.0.2.77"]], as: admin,
                origin: .rest)
            #expect(result.outcome == .ok)
            #expect(!gateway.strikes.isBlocked(ip: "192.0.2.1"))
            #expect(!gateway.strikes.isBlocked(ip: "2001:db8::1"))
            #expect(gateway.strikes.isBlocked(ip: "192.0.2.9"))
        }
    }

    @Test("a block by hand holds until it is forgiven, and one bad address blocks none")
    func byHand() async throws {
        try await TestGateway.running { gateway in
            let admin = try await administrator(gateway)
            func block(_ ips: JSONValue) async -> ToolOutcome {
                await gateway.call("online_user.block", ["ips": ips], as: admin, origin: .rest).outcome
            }
            #expect(await block(["192.0.2.1", "nonsense"]) == .rejected)
            #expect(!gateway.strikes.isBlocked(ip: "192.0.2.1"))
            #expect(await block(["192.0.2.1", "192.0.2.1"]) == .ok)
            gateway.advance(10 * 365 * 86_400)
            #expect(gateway.strikes.block(ip: "192.0.2.1")?.isByHand == true)
            let row = try #require(gateway.strikes.newestFirst.first)
            #expect(row.identifier == -124)
            #expect(row.count == 99_999)
            #expect(row.reason == .manual)
            gateway.strikes.forget(ips: ["192.0.2.1"])
            #expect(!gateway.strikes.isBlocked(ip: "192.0.2.1"))
        }
    }
}
