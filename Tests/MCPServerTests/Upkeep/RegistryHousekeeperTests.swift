import Foundation
import Storage
import TestSupport
import Testing

@testable import MCPServer

@Suite("Housekeeping")
struct RegistryHousekeeperTests {
    @Test(
        "the loop drops old URLs each minute and old sessions each tenth, does the daily work first, and can be ended")
    func loop() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let session = try await gateway.session(of: owner)
        let key = try #require(session.session).keyID
        let token = try await gateway.token(of: owner, expiresAt: gateway.now)
        let tokenID = try #require(token.token).id
        _ = try gateway.transferURLs.mint(
            TransferGrant(
                direction: .download, userID: owner.id, tokenID: tokenID, serverID: 1, path: "/a",
                expiresAt: gateway.now + 60))
        gateway.advance(31 * 86_400)
        let housekeeper = Housekeeper(
            storage: gateway.storage, transferURLs: gateway.transferURLs, settings: gateway.settings,
            logger: gateway.log.logger, now: { gateway.now })
        let running = Task { await housekeeper.run(minute: .milliseconds(1)) }
        #expect(try await eventually { try await gateway.storage.tokens.token(id: tokenID) == nil })
        #expect(gateway.transferURLs.count == 0)
        #expect(try await gateway.storage.sessions.session(keyID: key) == nil)
        // Later rounds.
        let second = try await gateway.session(of: owner)
        let secondKey = try #require(second.session).keyID
        _ = try gateway.transferURLs.mint(
            TransferGrant(
                direction: .download, userID: owner.id, tokenID: tokenID, serverID: 1, path: "/a",
                expiresAt: gateway.now + 60))
        gateway.advance(31 * 86_400)
        #expect(await eventually { gateway.transferURLs.count == 0 })
        #expect(try await eventually { try await gateway.storage.sessions.session(keyID: secondKey) == nil })
        running.cancel()
        await running.value
    }
}
