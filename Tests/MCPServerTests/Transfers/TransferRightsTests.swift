import AgentLink
import Foundation
import HTTP
import Settings
import Storage
import Synchronization
import TestSupport
import Testing

@testable import MCPServer

@Suite("Rights at the use of a URL and while it runs (mcp.md 6 and 7.2)")
struct TransferRightsTests {
    typealias Change = @Sendable (inout TransferTables.Rows) -> Void

    private static let matrix: [(Change, String, ToolOutcome)] = [
        ({ $0.tokens[5] = nil }, "originating api token no longer exists", .permissionDenied),
        ({ $0.tokens[5]?.userID = 3 }, "originating api token no longer exists", .permissionDenied),
        ({ $0.tokens[5]?.expiresAt = .distantPast }, "originating api token expired", .scopeDenied),
        (
            { $0.tokens[5]?.scopes = ["nezha:inventory:read"] }, "originating api token no longer has required scope",
            .scopeDenied
        ),
        (
            { $0.tokens[5]?.serverIDs = [8] }, "originating api token no longer covers target server", .scopeDenied
        ),
        ({ $0.servers[7] = nil }, "target server no longer exists", .permissionDenied),
        ({ $0.users[1] = nil }, "originating user no longer exists", .permissionDenied),
        (
            { $0.servers[7]?.userID = 3 }, "target server is no longer owned by the originating user",
            .permissionDenied
        ),
        (
            { $0.servers[7]?.userID = 0 }, "target server is no longer owned by the originating user",
            .permissionDenied
        ),
    ]

    @Test("whatever was lost since the URL was made is seen at its use", arguments: TransferGrant.Direction.allCases)
    func revalidation(_ direction: TransferGrant.Direction) async throws {
        for (change, text, outcome) in Self.matrix {
            let world = try await TransferWorld()
            world.network.script(TransferScripts.serve([1]))
            let token = try world.mint(direction)
            // Nobody told the gateway: another process did it.
            world.tables.change(change)
            let response = direction == .download ? await world.download(token) : await world.upload(token, [1])
            #expect(response.head.status == .unauthorized)
            #expect(try await TransferHTTP.text(response) == text)
            let rows = await world.auditRows()
            #expect(rows.map(\.outcome) == [outcome.rawValue])
            #expect(rows.first?.tool == direction.subject)
            #expect(rows.first?.userID == 1)
            #expect(rows.first?.tokenID == 5)
            #expect(rows.first?.serverID == 7)
            #expect(world.network.streams.isEmpty)
            #expect(world.urls.count == 0)
            #expect(await world.isAtRest())
        }
    }

    @Test("a scope counts for its own direction only")
    func scopesOfDirections() async throws {
        let world = try await TransferWorld()
        world.network.script(TransferScripts.serve([1]))
        world.tables.change { $0.tokens[5]?.scopes = ["nezha:server:read"] }
        #expect(await world.upload(try world.mint(.upload), [1]).head.status == .unauthorized)
        #expect(await world.download(try world.mint(.download)).head.status == .ok)
    }

    @Test("an administrator may use a URL for a server of another")
    func administrator() async throws {
        let world = try await TransferWorld()
        world.network.script(TransferScripts.serve([1]))
        world.tables.change {
            $0.tokens[5]?.userID = 2
            $0.servers[7]?.userID = 3
        }
        let token = try world.mint(.download) { $0.userID = 2 }
        #expect(await world.download(token).head.status == .ok)
    }

    @Test("while MCP is off no URL works")
    func disabled() async throws {
        let world = try await TransferWorld()
        let token = try world.mint(.download)
        world.settings.set { $0.enableMCP = false }
        let response = await world.download(token)
        #expect(response.head.status == .unauthorized)
        #expect(try await TransferHTTP.text(response) == "MCP is disabled by the dashboard administrator")
        #expect(await world.auditRows().map(\.outcome) == ["mcp_disabled"])
    }

    @Test("rights that cannot be read are not there")
    func brokenStorage() async throws {
        let world = try await TransferWorld()
        let token = try world.mint(.download)
        world.tables.change { $0.isBroken = true }
        #expect(await world.download(token).head.status == .internalServerError)
        #expect(world.network.streams.isEmpty)
        #expect(await world.isAtRest())
    }

    @Test("URLs of lost rights are dropped at once, and no others")
    func purgeRevoked() async throws {
        for (change, text, _) in Self.matrix {
            let world = try await TransferWorld()
            for number in 0..<3 { _ = try world.mint(.download, path: "/\(number)") }
            await world.endpoint.purgeRevoked()
            #expect(world.urls.count == 3)
            world.tables.change(change)
            await world.endpoint.purgeRevoked()
            #expect(world.urls.count == 0, "\(text)")
        }
        let world = try await TransferWorld()
        for direction in TransferGrant.Direction.allCases { _ = try world.mint(direction) }
        world.tables.change { $0.tokens[5]?.scopes = ["nezha:server:read"] }
        await world.endpoint.purgeRevoked()
        #expect(world.urls.grants.map(\.direction) == [.download])
        // Rights that cannot be read for the moment cost no URL; its use is refused as long.
        world.tables.change { $0.isBroken = true }
        await world.endpoint.purgeRevoked()
        #expect(world.urls.count == 1)
    }

    /// What ends a running transfer, and the outcome of its row.
    private static let ends: [(@Sendable (TransferWorld) async throws -> Void, ToolOutcome)] = [
        ({ $0.disable() }, .mcpDisabled),
        ({ try await $0.changed { $0.tokens[5] = nil } }, .revoked),
        ({ try await $0.changed { $0.tokens[5]?.scopes = [] } }, .revoked),
        ({ try await $0.changed { $0.servers[7]?.userID = 3 } }, .revoked),
        ({ try await $0.changed { $0.servers[7] = nil } }, .revoked),
        ({ try await $0.changed { $0.users[1] = nil } }, .revoked),
        (
            { world in
                world.clock.advance(1000)
                world.live.sweep(at: .now)
            }, .revoked
        ),
        ({ $0.live.sweep(at: .now + .seconds(601)) }, .agentTimeout),
    ]

    /// Ends a running transfer and looks at what is left of it.
    /// - Returns: how long it took.
    private static func ended(
        _ request: Task<OutboundResponse, Never>, in world: TransferWorld,
        by end: @Sendable (TransferWorld) async throws -> Void, as outcome: ToolOutcome
    ) async throws -> Duration {
        let began = ContinuousClock.now
        try await end(world)
        let response = await request.value
        let took = began.duration(to: .now)
        #expect(response.head.status == .badGateway)
        #expect(await world.auditRows().map(\.outcome) == [outcome.rawValue])
        #expect(await world.isAtRest())
        return took
    }

    @Test("the kill switch, lost rights, expiry and the deadline end a fetch within a second")
    func endFetch() async throws {
        for (end, outcome) in Self.ends {
            let fastest = try await Promptness.best {
                let world = try await worldWithExpiringToken()
                world.network.script(TransferScripts.trickle)
                let token = try world.mint(.download)
                let request = Task { await world.download(token) }
                #expect(await TransferWorld.eventually { world.network.openCount == 1 })
                return try await Self.ended(request, in: world, by: end, as: outcome)
            }
            #expect(fastest < .seconds(1), "\(outcome)")
        }
    }

    @Test("the kill switch, lost rights, expiry and the deadline end an upload within a second")
    func endUpload() async throws {
        for (end, outcome) in Self.ends {
            let fastest = try await Promptness.best {
                let world = try await worldWithExpiringToken()
                let stored = TransferBytes()
                world.network.script(TransferScripts.store(into: stored, pause: .milliseconds(20)))
                let token = try world.mint(.upload)
                let body = RequestBody {
                    try await Task.sleep(for: .milliseconds(1))
                    return [1]
                }
                let request = Task { await world.upload(token, body, length: 1_000_000) }
                #expect(await TransferWorld.eventually { !stored.bytes.isEmpty })
                return try await Self.ended(request, in: world, by: end, as: outcome)
            }
            #expect(fastest < .seconds(1), "\(outcome)")
        }
    }

    @Test("a file that is being sent stops too: the disk is free at once, and the body stays short")
    func endSending() async throws {
        for (end, outcome) in Self.ends {
            let world = try await worldWithExpiringToken()
            world.network.script(TransferScripts.serve([UInt8](repeating: 1, count: 1_000_000), chunk: 500_000))
            let response = await world.download(try world.mint(.download))
            guard case .stream(_, let produce) = response.body else {
                Issue.record("not streamed")
                return
            }
            let received = Mutex(0)
            let gate = AsyncStream<Void>.makeStream()
            let sending = Task {
                try await produce { piece in
                    received.withLock { $0 += piece.count }
                    // A client that takes one piece and stalls.
                    for await _ in gate.stream { break }
                }
            }
            #expect(await TransferWorld.eventually { received.withLock { $0 } > 0 })
            try await end(world)
            // Even though the client still stalls.
            #expect(await world.isAtRest())
            #expect(await world.auditRows().map(\.outcome) == [outcome.rawValue])
            gate.continuation.finish()
            await #expect(throws: (any Error).self) { try await sending.value }
            #expect(received.withLock { $0 } == 256 * 1024)
        }
    }

    private func worldWithExpiringToken() async throws -> TransferWorld {
        let world = try await TransferWorld()
        let soon = world.clock.now + 900
        try await world.changed { $0.tokens[5]?.expiresAt = soon }
        return world
    }
}
