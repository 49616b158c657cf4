import AgentLink
import Foundation
import HTTP
import JSON
import Storage
import Testing

@testable import MCPServer

@Suite("Watching servers live", .timeLimit(.minutes(5)))
struct WatchingTests {
    // MARK: What is written

    private static func state(_ number: Int) -> HostState {
        var state = HostState()
        guard number > 0 else { return state }
        state.cpu = 12.5 / Double(number)
        state.memUsed = UInt64(number) << 30
        state.diskUsed = .max
        state.netInSpeed = 1
        state.uptime = 3
        state.load1 = 0.1
        state.load15 = 1e-7
        state.temperatures = [.init(name: "cpu \"0\"\u{1}ü", celsius: -3.25), .init(name: "", celsius: 40)]
        state.gpu = [1, 0, 99.5]
        return state
    }

    @Test("the same JSON as everywhere else, for every kind of report", arguments: 0..<4)
    func agrees(number: Int) throws {
        let host =
            number == 0
            ? HostInfo()
            : HostInfo(
                platform: "debian", platformVersion: "12", cpu: ["a", "b \\"], memTotal: 1, diskTotal: .max,
                arch: "x86_64", bootTime: 7, version: "v2.1.0", gpu: number == 2 ? [] : ["g"])
        let state = Self.state(number)
        let active = Date(timeIntervalSince1970: 1_800_000_000.125)
        var server = ServerRecord(
            id: 5, userID: 1, uuid: "secret-uuid", name: "we\"b", note: "secret-note", publicNote: "{\"a\":1}",
            createdAt: active, updatedAt: active)
        server.displayIndex = Int64(number)
        let presence = AgentPresence(
            host: host, state: state, geoIP: GeoIPInfo(ipv4: "203.0.113.1", countryCode: number > 1 ? "de" : ""),
            lastActive: number > 0 ? active : nil)
        let piece = ServerPiece(server, presence, host: ServerHostPiece(host))
        for (isFull, hasNote) in [(true, true), (true, false), (false, true), (false, false)] {
            var bytes: [UInt8] = []
            piece.append(to: &bytes, isFull: isFull, hasNote: hasNote)
            var shown = host
            if !isFull { (shown.platformVersion, shown.version) = ("", "") }
            var expected: JSONObject = [
                "id": 5, "name": "we\"b", "host": try JSONValueEncoder().encode(shown),
                "state": try JSONValueEncoder().encode(state),
                "last_active": .string(
                    number > 0 ? "2027-01-15T08:00:00.125Z" : "0001-01-01T00:00:00Z"),
            ]
            if number > 0 { expected["display_index"] = .integer(Int64(number)) }
            if number > 1 { expected["country_code"] = "de" }
            if hasNote { expected["public_note"] = "{\"a\":1}" }
            #expect(try JSONParser.parse(bytes) == .object(expected))
            #expect(!String(decoding: bytes, as: UTF8.self).utf8.contains("secret".utf8))
        }
    }

    // MARK: Who sees what

    private struct Scene: Sendable {
        let gateway: TestGateway
        let admin: UserRecord
        let owner: UserRecord
        let other: UserRecord
    }

    private func scene() async throws -> Scene {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let hidden = try await gateway.server(of: owner.id, name: "hidden", index: 2)
        try await gateway.server(of: owner.id, name: "shown", index: 1)
        var record = hidden
        record.hideForGuest = true
        record.publicNote = "note"
        try await gateway.storage.servers.update(record)
        try await gateway.identity.refresh()
        gateway.network.report(hidden.id, AgentPresence(host: HostInfo(version: "2.1.0")))
        return Scene(
            gateway: gateway, admin: try await gateway.user("root", role: .administrator), owner: owner,
            other: try await gateway.user("other"))
    }

    private func list(_ message: SharedMessage) throws -> [JSONValue] {
        try #require(try JSONParser.parse(Array(message.payload))["servers"]?.arrayValue)
    }

    @Test("WebSocket or side endpoint shows what REST hides: each viewer sees what is theirs to see")
    func views() async throws {
        let scene = try await scene()
        let gateway = scene.gateway
        let snapshot = await gateway.services.liveServers.snapshot()
        func names(_ principal: Principal) throws -> [String] {
            try list(snapshot.message(for: LiveView(principal), online: 1)).compactMap { $0["name"]?.stringValue }
        }
        let other = try await gateway.session(of: scene.other)
        let owner = try await gateway.session(of: scene.owner)
        let admin = try await gateway.session(of: scene.admin)
        #expect(try names(.guest) == ["shown"])
        #expect(try names(other) == ["shown"])
        #expect(try names(owner) == ["hidden", "shown"])
        #expect(try names(admin) == ["hidden", "shown"])
        let shown = try #require(gateway.identity.servers.last?.id)
        let listed = try await gateway.token(of: scene.admin, servers: [shown])
        #expect(try names(listed) == ["shown"])
        // For the same identities: whoever may manage a server sees it here too.
        for principal in [Principal.guest, other, owner, admin, listed] {
            let manageable = gateway.identity.servers(visibleTo: principal).map(\.name)
            #expect(Set(try names(principal)).isSuperset(of: manageable))
        }
        // Versions are the owner's and administrators'.
        let full = try list(snapshot.message(for: LiveView(owner), online: 1))
        #expect(full[0]["host"]?["version"] == "2.1.0")
    }

    @Test("one message for everybody with the same view; the first one besides has the notes")
    func shared() async throws {
        let scene = try await scene()
        let snapshot = await scene.gateway.services.liveServers.snapshot()
        let guest = snapshot.message(for: LiveView(.guest), online: 3)
        let other = LiveView(try await scene.gateway.session(of: scene.other))
        let same = snapshot.message(for: other, online: 4)
        #expect(guest.payload == same.payload)
        let owner = LiveView(try await scene.gateway.session(of: scene.owner))
        let first = snapshot.firstMessage(for: owner, online: 4)
        #expect(try list(first)[0]["public_note"] == "note")
        #expect(try list(snapshot.message(for: owner, online: 4))[0]["public_note"] == nil)
        let moment = try #require(try JSONParser.parse(Array(first.payload))["now"]?.int64Value)
        #expect(moment == 1_800_000_000_000)
        #expect(try JSONParser.parse(Array(first.payload))["online"] == 4)
        let again = await scene.gateway.services.liveServers.snapshot()
        #expect(again === snapshot, "within the tick")
        scene.gateway.advance(2)
        #expect(await scene.gateway.services.liveServers.snapshot() !== snapshot)
    }

    // MARK: Sockets

    private func watch(
        _ gateway: TestGateway, _ principal: Principal, _ socket: FakeSocket, ip: String? = nil
    ) -> Task<Result<JSONValue, ToolFailure>, Never> {
        var call = ToolCall(
            principal: principal, origin: .rest, requestID: "r", client: ClientAddress(peer: ip, real: ip))
        call.socket = socket.offer
        return Task { [call] in await gateway.registry.invoke("server.watch", arguments: [:], call: call) }
    }

    @Test("a watcher is counted while the socket is open, and not a moment longer")
    func counted() async throws {
        let scene = try await scene()
        let watchers = scene.gateway.services.watchers
        let socket = FakeSocket()
        let call = watch(scene.gateway, .guest, socket, ip: "203.0.113.7")
        guard case .text(let text)? = await socket.hear() else {
            Issue.record("a text message")
            return
        }
        #expect(try JSONParser.parse(text)["online"] == 1)
        #expect(socket.accepted.first?.pingInterval == .seconds(8))
        #expect(watchers.all.first?.ip == "203.0.113.7")
        #expect(watchers.all.first?.userID == nil)
        socket.close()
        _ = try await call.value.get()
        #expect(watchers.count == 0)
    }

    @Test("an address that is closed loses its sockets and no other's")
    func closedByAddress() async throws {
        let scene = try await scene()
        let (one, two) = (FakeSocket(), FakeSocket())
        let calls = [
            watch(scene.gateway, .guest, one, ip: "203.0.113.7"), watch(scene.gateway, .guest, two, ip: "203.0.113.8"),
        ]
        _ = await one.hear()
        _ = await two.hear()
        scene.gateway.services.watchers.close(addresses: ["203.0.113.7"])
        #expect(await calls[0].value.failure?.message == "closed by an administrator")
        #expect(scene.gateway.services.watchers.all.map(\.ip) == ["203.0.113.8"])
        two.close()
        _ = await calls[1].value
    }

    @Test("Unbounded streams: n for a user and for an address, n + 1 is refused, and the slot comes back")
    func limits() throws {
        var limits = WatcherRegistry.Limits()
        (limits.perUser, limits.perAddress, limits.total) = (2, 2, 4)
        let registry = WatcherRegistry(limits: limits)
        func enter(_ user: Int64?, _ ip: String?) throws -> WatcherRegistry.Watcher {
            try registry.enter(userID: user, ip: ip, at: Date(), close: {})
        }
        func refusal(_ user: Int64?, _ ip: String?) -> String? {
            do {
                _ = try enter(user, ip)
                return nil
            } catch {
                return (error as? ToolFailure)?.message
            }
        }
        let first = try enter(1, "a")
        _ = try enter(1, "b")
        #expect(refusal(1, "c") == "too many concurrent streams for this user")
        let guest = try enter(nil, "a")
        #expect(refusal(nil, "a") == "too many concurrent streams for this address")
        registry.leave(first)
        registry.leave(first)
        _ = try enter(1, "a")
        registry.leave(guest)
        _ = try enter(nil, nil)
        _ = try enter(nil, nil)
        #expect(refusal(nil, nil) == "too many concurrent streams")
        #expect(registry.count == 4)
    }

    @Test("a log-in that ends takes the socket along")
    func revoked() async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.user("owner")
            let token = try await gateway.token(of: owner)
            let socket = FakeSocket()
            let call = watch(gateway, token, socket)
            _ = await socket.hear()
            _ = try await gateway.storage.tokens.delete(id: try #require(token.token?.id))
            guard case .failure(.cancelled(.rightsLost)) = await call.value else {
                Issue.record("revoked")
                return
            }
        }
    }
}
