import Foundation
import Testing

@testable import MCPServer

@Suite("Which uses of tokens are written")
struct IdentityTokenUsesTests {
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    @Test("the first use, one from another address, and one over a minute after the last that was written")
    func due() {
        var uses = TokenUses()
        let given: [(id: Int64, ip: String, after: Double, isDue: Bool)] = [
            (1, "a", 0, true), (1, "a", 60, false), (2, "a", 60, true), (1, "b", 60, true), (1, "b", 120, false),
            (1, "b", 120.5, true),
        ]
        for use in given {
            let isDue = uses.isDue(use.id, ip: use.ip, at: start + use.after)
            #expect(isDue == use.isDue, "\(use)")
        }
    }

    @Test("the memory is bounded: beyond it the table starts anew, and a known token costs no place")
    func bounded() {
        var uses = TokenUses()
        let due = (0..<TokenUses.capacity).count { uses.isDue(Int64($0), ip: "a", at: start) }
        #expect(due == TokenUses.capacity)
        #expect(uses.count == TokenUses.capacity)
        let known = (uses.isDue(0, ip: "a", at: start), uses.isDue(0, ip: "b", at: start))
        #expect(known == (false, true))
        #expect(uses.count == TokenUses.capacity)
        let new = uses.isDue(-1, ip: "a", at: start)
        #expect(new)
        #expect(uses.count == 1)
        let forgotten = uses.isDue(0, ip: "b", at: start)
        #expect(forgotten)
    }
}
