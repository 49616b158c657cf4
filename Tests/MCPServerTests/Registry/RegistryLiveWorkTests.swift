import Foundation
import Storage
import Synchronization
import Testing

@testable import MCPServer

@Suite("Live work: what ends with what")
struct RegistryLiveWorkTests {
    /// What was cancelled, in order, with its cause.
    private final class Ended: Sendable {
        private let state = Mutex<[(String, CancellationCause)]>([])
        var names: [String] { state.withLock { $0.map(\.0) } }
        var causes: [CancellationCause] { state.withLock { $0.map(\.1) } }
        func add(_ name: String, _ cause: CancellationCause) { state.withLock { $0.append((name, cause)) } }
    }

    private let ended = Ended()

    private func entry(
        _ name: String, _ principal: Principal, in outer: LiveWork.ID? = nil,
        isAllowed: @escaping @Sendable (Principal) -> Bool = { _ in true }
    ) -> LiveWork.Entry {
        let ended = ended
        var entry = LiveWork.Entry(
            principal: principal, origin: .mcp, subject: name, isAllowed: isAllowed, cancel: { ended.add(name, $0) })
        entry.outer = outer
        return entry
    }

    @Test("Deleted while in use: one piece of work without its token ends all of that token, oldest first, no others")
    func wholeToken() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let token = try await gateway.token(of: owner)
        let other = try await gateway.token(of: owner)
        let session = try await gateway.session(of: owner)
        let live = gateway.live
        let outer = await live.begin(entry("outer", token))
        _ = await live.begin(entry("other", other))
        let first = await live.begin(entry("first", token, in: outer))
        _ = await live.begin(entry("session", session))
        _ = await live.begin(entry("second", token, in: outer))
        _ = try await gateway.storage.tokens.delete(id: try #require(token.token).id)
        // The one that a sweep has come to happens not to be the oldest.
        await live.recheck(first)
        #expect(ended.names == ["outer", "first", "second"])
        #expect(Set(ended.causes) == [.rightsLost])
        #expect(live.count == 2)
    }

    @Test("a log-in that has ended takes all of its work along")
    func wholeSession() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let (session, other) = (try await gateway.session(of: owner), try await gateway.session(of: owner))
        let first = await gateway.live.begin(entry("first", session))
        _ = await gateway.live.begin(entry("other", other))
        _ = await gateway.live.begin(entry("second", session))
        try await gateway.storage.sessions.revoke(keyID: try #require(session.session).keyID, at: gateway.now)
        await gateway.live.recheck(first)
        #expect(ended.names == ["first", "second"])
    }

    @Test("where a right is lost and the token is still there, its work ends that needed the right")
    func oneRight() async throws {
        let gateway = try await TestGateway()
        let token = try await gateway.token(of: try await gateway.user("owner"))
        let live = gateway.live
        let needsExec: @Sendable (Principal) -> Bool = { $0.token?.grants(.serverExec) ?? false }
        _ = await live.begin(entry("outer", token, isAllowed: needsExec))
        _ = await live.begin(entry("reading", token))
        let inner = await live.begin(entry("inner", token, isAllowed: needsExec))
        try await gateway.storage.tokens.replaceScopes(["nezha:server:read"], of: try #require(token.token).id)
        await live.recheck(inner)
        #expect(ended.names == ["outer", "inner"])
        #expect(live.count == 1)
    }

    @Test("once work was told to stop no part of it begins, whatever the cause, until it has ended")
    func parts() async throws {
        let gateway = try await TestGateway()
        let token = try await gateway.token(of: try await gateway.user("owner"))
        let live = gateway.live
        for cause in [CancellationCause.clientRequest, .killSwitch, .rightsLost, .deadline, .shutdown] {
            let outer = await live.begin(entry("outer", token))
            live.cancel(cause: cause) { $0.subject == "outer" }
            let inner = await live.begin(entry("inner", token, in: outer))
            #expect(ended.names.suffix(2) == ["outer", "inner"])
            #expect(ended.causes.suffix(2) == [cause, cause])
            #expect(live.count == 0)
            live.end(inner)
            live.end(outer)
        }
        let outer = await live.begin(entry("outer", token))
        _ = await live.begin(entry("inner", token, in: outer))
        #expect(live.count == 2)
        #expect(ended.names.count == 10)
    }
}
