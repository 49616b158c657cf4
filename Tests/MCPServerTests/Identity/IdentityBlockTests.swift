import HTTP
import Storage
import Testing

@testable import MCPServer

@Suite("Blocks: wrong tokens and right ones behind one address")
struct IdentityBlockTests {
    private static let client = ClientAddress(peer: "192.0.2.9", real: "192.0.2.9")

    private func tokens(_ gateway: TestGateway) -> TokenAuthenticator {
        TokenAuthenticator(
            identity: gateway.identity, tokens: gateway.storage.tokens, key: gateway.dataKey,
            strikes: gateway.strikes, now: gateway.services.now)
    }

    private func wrong(_ digit: Int) -> String { "Bearer nzp_" + String(repeating: "\(digit)", count: 32) }

    @Test("the same wrong token again is one strike, another one is another, and so is another address")
    func once() async throws {
        let gateway = try await TestGateway()
        let tokens = tokens(gateway)
        for _ in 0..<5 { _ = await tokens.authenticate(authorization: wrong(1), client: Self.client) }
        #expect(gateway.strikes.block(ip: "192.0.2.9")?.seconds == 3)
        gateway.advance(3)
        #expect(gateway.strikes.block(ip: "192.0.2.9") == nil)
        _ = await tokens.authenticate(authorization: wrong(1), client: Self.client)
        #expect(gateway.strikes.block(ip: "192.0.2.9") == nil)
        _ = await tokens.authenticate(authorization: wrong(2), client: Self.client)
        #expect(gateway.strikes.block(ip: "192.0.2.9")?.seconds == 16)
        let other = ClientAddress(peer: "192.0.2.10", real: "192.0.2.10")
        _ = await tokens.authenticate(authorization: wrong(1), client: other)
        #expect(gateway.strikes.block(ip: "192.0.2.10")?.seconds == 3)
    }

    @Test("asking whether a token is good neither strikes nor forgives")
    func knows() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let secret = try await gateway.issuer.issue(
            TokenIssuer.Request(name: "ci", scopes: ["nezha:server:*"]), for: UserIdentity(owner)
        ).secret
        try await gateway.identity.refresh()
        let tokens = tokens(gateway)
        #expect(await !tokens.knows(authorization: wrong(1)))
        #expect(await !tokens.knows(authorization: nil))
        #expect(gateway.strikes.block(ip: "192.0.2.9") == nil)
        _ = await tokens.authenticate(authorization: wrong(1), client: Self.client)
        #expect(await tokens.knows(authorization: "Bearer \(secret)"))
        #expect(gateway.strikes.block(ip: "192.0.2.9") != nil)
        _ = await tokens.authenticate(authorization: "Bearer \(secret)", client: Self.client)
        #expect(gateway.strikes.block(ip: "192.0.2.9") == nil)
    }

    @Test("what waits to be written when the program stops is written still")
    func stop() async throws {
        let gateway = try await TestGateway()
        for last in 1...100 { gateway.strikes.blockByHand(ip: "192.0.2.\(last)") }
        let writer = Task { await gateway.strikes.run() }
        writer.cancel()
        await writer.value
        #expect(try await gateway.storage.strikes.strikes().count == 100)
    }

    @Test("a block by hand is told apart, and no block is longer than a year to say")
    func byHand() async throws {
        let gateway = try await TestGateway()
        let ip = "192.0.2.9"
        for _ in 0..<200 { gateway.strikes.strike(ip: ip, identifier: 7, reason: .loginFailed) }
        #expect(gateway.strikes.block(ip: ip) == StrikeBook.Block(seconds: 365 * 86_400, isByHand: false))
        gateway.strikes.strike(ip: ip, identifier: StrikeBook.manualIdentifier, reason: .manual)
        #expect(gateway.strikes.block(ip: ip)?.isByHand == true)
    }

    @Test("the table of refused tokens has an end")
    func capacity() {
        var table = RefusedTokens()
        for number in 0..<RefusedTokens.capacity {
            do { let isNew = table.isNew("\(number)", from: "ip"); #expect(isNew) }
        }
        let isNewAgain = table.isNew("0", from: "ip")
        #expect(!isNewAgain)
        #expect(table.count == RefusedTokens.capacity)
        let isNewAfterwards = table.isNew("more", from: "ip")
        #expect(isNewAfterwards)
        #expect(table.count == 1)
    }
}
