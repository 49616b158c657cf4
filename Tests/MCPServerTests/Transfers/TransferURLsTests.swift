import Foundation
import Secrets
import Testing

@testable import MCPServer

@Suite("The table of transfer URLs (mcp.md 7.1)")
struct TransferURLsTests {
    private let clock = TransferClock()
    private let urls: TransferURLs

    init() {
        let clock = clock
        urls = TransferURLs(now: { clock.now })
    }

    private func grant(
        _ direction: TransferGrant.Direction = .upload, token: Int64 = 5, lifetime: TimeInterval = 300
    ) -> TransferGrant {
        TransferGrant(
            direction: direction, userID: 1, tokenID: token, serverID: 7, path: "/a|b", mode: "0600", createDirs: true,
            ifMatchSHA256: String(repeating: "a", count: 64), expiresAt: clock.now + lifetime)
    }

    private func refusal(_ token: String, _ direction: TransferGrant.Direction = .upload) -> TransferURLs.Refusal? {
        do {
            _ = try urls.consume(token, for: direction)
            return nil
        } catch {
            return error
        }
    }

    @Test("a token has 24 letters or digits, a dot and 64 hex digits, and gives the grant back once")
    func roundTrip() throws {
        let token = try urls.mint(grant())
        #expect(token.wholeMatch(of: /[0-9A-Za-z]{24}\.[0-9a-f]{64}/) != nil)
        #expect(try urls.consume(token, for: .upload) == grant())
        #expect(refusal(token)?.reason == .unknown)
        #expect(urls.count == 0)
    }

    @Test("a MAC made but not checked: every flipped bit of a token is refused and does not burn the real one")
    func flippedBits() throws {
        let token = try urls.mint(grant())
        let bytes = Array(token.utf8)
        for position in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[position] ^= 1 << bit
                #expect(refusal(String(decoding: flipped, as: UTF8.self)) != nil)
            }
        }
        #expect(throws: Never.self) { try urls.consume(token, for: .upload) }
    }

    @Test(
        "a MAC made but not checked: no field of a grant can be changed after minting",
        arguments: [
            { $0.direction = .download }, { $0.userID = 2 }, { $0.tokenID = 6 }, { $0.serverID = 8 },
            { $0.path = "/a" },
            {
                // The same bytes in a row, cut elsewhere.
                $0.path = "/a|b0600"
                $0.mode = ""
            },
            { $0.mode = "0777" }, { $0.createDirs = false },
            { $0.ifMatchSHA256 = "" }, { $0.expiresAt += 0.001 },
        ] as [@Sendable (inout TransferGrant) -> Void])
    func tamperedGrant(_ change: @Sendable (inout TransferGrant) -> Void) throws {
        let token = try urls.mint(grant())
        urls.tamper(with: token, change)
        #expect(refusal(token)?.reason == .badSignature)
        #expect(refusal(token)?.reason == .unknown)
    }

    @Test("a token of another process is worth nothing")
    func otherProcess() throws {
        let token = try TransferURLs().mint(grant())
        #expect(refusal(token)?.reason == .unknown)
    }

    @Test("the wrong direction burns the URL")
    func wrongDirection() throws {
        let token = try urls.mint(grant(.upload))
        #expect(refusal(token, .download)?.reason == .wrongDirection)
        #expect(refusal(token, .upload)?.reason == .unknown)
    }

    @Test("the moment of expiry is still good, the one after is not")
    func expiry() throws {
        let (good, late) = (try urls.mint(grant(lifetime: 30)), try urls.mint(grant(lifetime: 30)))
        clock.advance(30)
        #expect(refusal(good) == nil)
        clock.advance(0.001)
        let refused = refusal(late)
        #expect(refused?.reason == .expired)
        #expect(refused?.grant?.tokenID == 5)
        #expect(refusal(late)?.reason == .unknown)
    }

    @Test("a look does not use the URL up and says what a use would")
    func peek() throws {
        let token = try urls.mint(grant(lifetime: 30))
        #expect(try urls.peek(token, for: .upload) == grant(lifetime: 30))
        #expect(throws: TransferURLs.Refusal.self) { try urls.peek(token, for: .download) }
        #expect(refusal(token) == nil)
    }

    @Test("of 32 that use one URL at the same time, one gets it")
    func concurrentUse() async throws {
        for _ in 0..<50 {
            let token = try urls.mint(grant())
            let winners = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<32 {
                    group.addTask { (try? urls.consume(token, for: .upload)) != nil }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(winners == 1)
        }
    }

    @Test("one token may leave 256 URLs unused, not 257; a use makes room")
    func capacityPerToken() throws {
        let first = try urls.mint(grant())
        for _ in 1..<256 { _ = try urls.mint(grant()) }
        #expect(throws: ToolFailure.self) { try urls.mint(grant()) }
        #expect(throws: Never.self) { try urls.mint(grant(token: 6)) }
        #expect(refusal(first) == nil)
        #expect(throws: Never.self) { try urls.mint(grant()) }
        #expect(throws: ToolFailure.self) { try urls.mint(grant()) }
    }

    @Test("all tokens together may leave 4096 URLs unused, not 4097")
    func capacity() throws {
        for number in 0..<4096 { _ = try urls.mint(grant(token: Int64(number / 256))) }
        do {
            _ = try urls.mint(grant(token: 99))
            Issue.record("minted")
        } catch {
            #expect(error.outcome == .invalidArguments)
            #expect(error.message.contains("max 4096"))
        }
        #expect(urls.count == 4096)
    }

    @Test("expired URLs do not count against the limits")
    func expiredMakeRoom() throws {
        for _ in 0..<256 { _ = try urls.mint(grant(lifetime: 30)) }
        clock.advance(31)
        #expect(throws: Never.self) { try urls.mint(grant()) }
        #expect(urls.count == 1)
    }

    @Test("a sweep removes what has expired and nothing else")
    func sweep() throws {
        for lifetime in [30.0, 60, 600] { _ = try urls.mint(grant(lifetime: lifetime)) }
        clock.advance(60)
        #expect(urls.sweep() == 1)
        #expect(urls.count == 2)
        clock.advance(540.5)
        #expect(urls.sweep() == 2)
    }

    @Test("URLs of a token, a user or a server are dropped together, and all by the kill switch")
    func purge() throws {
        let kept = try urls.mint(grant(token: 6))
        for _ in 0..<3 { _ = try urls.mint(grant()) }
        #expect(urls.purge { $0.tokenID == 5 } == 3)
        #expect(urls.purge { $0.userID == 9 || $0.serverID == 9 } == 0)
        #expect(try urls.peek(kept, for: .upload).tokenID == 6)
        #expect(urls.purgeAll() == 1)
        #expect(refusal(kept)?.reason == .unknown)
        // The counts went down with them.
        for _ in 0..<256 { _ = try urls.mint(grant()) }
    }
}
