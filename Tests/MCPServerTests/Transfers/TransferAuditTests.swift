import Foundation
import HTTP
import JSON
import Secrets
import Storage
import Testing

@testable import MCPServer

@Suite("Audit of transfers (mcp.md 7.7)")
struct TransferAuditTests {
    @Test("a success leaves one row: who, which server, which file, never the token")
    func success() async throws {
        let world = try await TransferWorld()
        world.network.script(TransferScripts.serve([1, 2, 3]))
        let token = try world.mint(.download, path: "/etc/motd")
        _ = try await TransferHTTP.bytes(await world.download(token))
        let rows = await world.auditRows()
        let row = try #require(rows.first)
        #expect(rows.count == 1)
        #expect(row.tool == "fs.download")
        #expect(row.origin == "transfer")
        #expect(row.outcome == "ok")
        #expect(row.errorCode.isEmpty)
        #expect(row.userID == 1)
        #expect(row.tokenID == 5)
        #expect(row.serverID == 7)
        #expect(row.ip == "192.0.2.1")
        #expect(row.requestID == "req-1")
        #expect(row.argumentsRedacted.contains("/etc/motd"))
        #expect(!"\(row)".contains(token.prefix(24)))
    }

    @Test("an upload leaves a row of the same shape: what else the URL says of it is not kept, not even as a digest")
    func upload() async throws {
        let world = try await TransferWorld()
        world.network.script(TransferScripts.store(into: TransferBytes()))
        let token = try world.mint(.upload, path: "/srv/a") { ($0.mode, $0.createDirs) = ("0600", true) }
        #expect(await world.upload(token, [1, 2], query: "?sha256=\(SHA256Digest.hex([1, 2]))").head.status == .ok)
        world.network.script(TransferScripts.serve([1, 2]))
        _ = try await TransferHTTP.bytes(await world.download(try world.mint(.download, path: "/srv/a")))
        let rows = await world.auditRows()
        #expect(rows.map(\.tool) == ["fs.upload", "fs.download"])
        #expect(rows.map(\.argumentsRedacted) == Array(repeating: #"{"server_id":7,"path":"/srv/a"}"#, count: 2))
        #expect(Set(rows.map(\.argumentsHash)).count == 1)
    }

    @Test("a use is one call of the registry, and the tools do nothing without a body")
    func calls() async throws {
        let world = try await TransferWorld()
        world.network.script(TransferScripts.serve([1, 2, 3]))
        _ = try await TransferHTTP.bytes(await world.download(try world.mint(.download)))
        let registry = world.endpoint.registry
        #expect(registry.statistics.map(\.name) == ["fs.download", "fs.upload"])
        #expect(registry.statistics.map(\.calls.outcomes) == [[.ok: 1], [:]])
        let arguments: JSONValue = ["server_id": 7, "path": "/a", "size": 1]
        for tool in ["fs.download", "fs.upload"] {
            let administrator = Principal(
                user: UserIdentity(id: 2, username: "two", isAdministrator: true),
                credential: .session(SessionIdentity(keyID: "k")), revision: world.identity.revision)
            let call = ToolCall(
                principal: administrator, origin: .rest, requestID: "r", client: ClientAddress(peer: nil, real: nil))
            #expect(await registry.invoke(tool, arguments: arguments, call: call).outcome == .rejected)
        }
        #expect(world.network.streams.count == 1)
    }

    @Test("expired and misdirected URLs leave a row of the one who made them")
    func knownFailures() async throws {
        let world = try await TransferWorld()
        let expired = try world.mint(.download, lifetime: 30)
        let misdirected = try world.mint(.upload)
        world.clock.advance(31)
        #expect(try await TransferHTTP.text(await world.download(expired)) == "transfer token expired")
        #expect(try await TransferHTTP.text(await world.download(misdirected)) == "transfer token direction mismatch")
        let rows = await world.auditRows()
        #expect(rows.map(\.outcome) == ["scope_denied", "invalid_args"])
        #expect(rows.allSatisfy { $0.tokenID == 5 && $0.tool == "fs.download" })
        #expect(world.urls.count == 0)
    }

    @Test("guesses leave five rows an address and minute")
    func guesses() async throws {
        let world = try await TransferWorld()
        for _ in 0..<8 { _ = await world.download("guess", ip: "192.0.2.1") }
        for _ in 0..<2 { _ = await world.upload("guess", [], ip: "192.0.2.2") }
        for _ in 0..<7 { _ = await world.download("guess", ip: nil) }
        let rows = await world.auditRows()
        #expect(rows.filter { $0.ip == "192.0.2.1" }.count == 5)
        #expect(rows.filter { $0.ip == "192.0.2.2" && $0.tool == "fs.upload" }.count == 2)
        // Those without an address count as one.
        #expect(rows.filter { $0.ip.isEmpty }.count == 5)
        #expect(rows.allSatisfy { $0.outcome == "permission_denied" && $0.userID == 0 && $0.tokenID == 0 })
    }

    @Test("failures that leave the URL usable can be repeated, so they count like guesses")
    func repeatable() async throws {
        let world = try await TransferWorld()
        let token = try world.mint(.upload)
        for _ in 0..<8 { _ = await world.upload(token, .empty, length: nil) }
        let rows = await world.auditRows()
        #expect(rows.map(\.outcome) == Array(repeating: "invalid_args", count: 5))
        #expect(rows.allSatisfy { $0.tokenID == 5 })
    }

    @Test("looks at downloads leave five rows a token and minute, whatever the address, marked as looks")
    func looks() async throws {
        let world = try await TransferWorld()
        world.network.script(TransferScripts.serve([1, 2, 3]))
        let token = try world.mint(.download, path: "/etc/motd")
        for number in 0..<8 {
            #expect(await world.download(token, method: .head, ip: "192.0.2.\(number)").head.status == .ok)
        }
        let rows = await world.auditRows()
        #expect(rows.map(\.outcome) == Array(repeating: "ok", count: 5))
        #expect(rows.allSatisfy { $0.tool == "fs.download" && $0.tokenID == 5 && $0.serverID == 7 })
        #expect(rows.allSatisfy { $0.argumentsRedacted == #"{"server_id":7,"path":"/etc/motd","head":true}"# })
        world.clock.advance(60)
        _ = await world.download(token, method: .head)
        // The use itself always leaves its row, without the mark.
        _ = try await TransferHTTP.bytes(await world.download(token))
        #expect(await world.auditRows().count == 7)
        #expect(await world.auditRows().last?.argumentsRedacted == #"{"server_id":7,"path":"/etc/motd"}"#)
    }

    @Test("the minute of an address begins with its first row and then starts anew")
    func windows() {
        let throttle = AuditThrottle<String>()
        let start = Date(timeIntervalSince1970: 1_000_000_059)
        func allowed(_ ip: String, _ offset: TimeInterval) -> Int {
            (0..<7).count { _ in throttle.allows(ip, at: start + offset) }
        }
        #expect(allowed("a", 0) == 5)
        #expect(allowed("b", 10) == 5)
        #expect(allowed("a", 59.9) == 0)
        #expect(allowed("a", 60) == 5)
        #expect(allowed("b", 60) == 0)
        #expect(allowed("b", 70) == 5)
    }

    @Test("the memory for addresses is bounded, and stale ones leave it")
    func bounded() {
        let throttle = AuditThrottle<String>()
        let start = Date(timeIntervalSince1970: 1_000_000_000)
        let granted = (0..<20_000).count { throttle.allows("\($0)", at: start) }
        #expect(granted == AuditThrottling.capacity)
        #expect(throttle.count == AuditThrottling.capacity)
        #expect(throttle.allows("new", at: start + 60))
        #expect(throttle.count == 1)
    }
}
