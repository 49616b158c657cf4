import HTTP
import JSON
import Storage
import TestSupport
import Testing

@testable import MCPServer

@Suite("Tools: a change that ends the rights of its own caller")
struct ToolsProfileRaceTests {
    /// Users whose rights are checked in the very moment after a password was written, as the watcher may do.
    private struct WatchedUsers: UserRepository {
        let users: any UserRepository
        let afterPassword: @Sendable () async -> Void

        func setPassword(_ hash: String, rejectPassword: Bool?, username: String?, for id: Int64) async throws {
            try await users.setPassword(hash, rejectPassword: rejectPassword, username: username, for: id)
            await afterPassword()
        }

        func insert(_ user: UserRecord) async throws -> Int64 { try await users.insert(user) }
        func update(_ user: UserRecord) async throws { try await users.update(user) }
        func user(id: Int64) async throws -> UserRecord? { try await users.user(id: id) }
        func user(named username: String) async throws -> UserRecord? { try await users.user(named: username) }
        func user(agentSecretHash: String) async throws -> UserRecord? {
            try await users.user(agentSecretHash: agentSecretHash)
        }
        func users() async throws -> [UserRecord] { try await users.users() }
        func count() async throws -> Int { try await users.count() }
        func replacePasswordHash(_ old: String, by new: String, for id: Int64) async throws {
            try await users.replacePasswordHash(old, by: new, for: id)
        }
        func delete(ids: [Int64]) async throws -> (servers: [Int64], tokens: [Int64]) {
            try await users.delete(ids: ids)
        }
        func bind(_ binding: OAuth2Binding, to id: Int64) async throws { try await users.bind(binding, to: id) }
        func unbind(provider: String, from id: Int64) async throws -> OAuth2Unbinding {
            try await users.unbind(provider: provider, from: id)
        }
        func bindings(of id: Int64) async throws -> [OAuth2Binding] { try await users.bindings(of: id) }
        func user(boundTo binding: OAuth2Binding) async throws -> UserRecord? { try await users.user(boundTo: binding) }
    }

    @Test("who changes their password learns that it was changed, though the session is void before the answer")
    func ownSession() async throws {
        try await TestGateway.running { gateway in
            let user = try await gateway.user("owner", password: "correct horse")
            let session = try await gateway.session(of: user)
            let other = try await gateway.session(of: user)
            let stored = gateway.storage
            var services = gateway.services
            services.storage = Storage(
                users: WatchedUsers(users: stored.users) {
                    await gateway.refreshAndRecheck()
                    // The call itself is no longer allowed, and was told so.
                    #expect(gateway.live.count == 0)
                },
                servers: stored.servers, serverTransfers: stored.serverTransfers, tokens: stored.tokens,
                sessions: stored.sessions, audit: stored.audit,
                strikes: stored.strikes, changes: stored.changes,
                resources: stored.resources)
            let registry = try ToolRegistry(
                [ProfileUpdateTool(services)], gate: gateway.gate, live: gateway.live, audit: gateway.audit,
                logger: gateway.log.logger)
            let result = await registry.invoke(
                "profile.update",
                arguments: [
                    "original_password": "correct horse", "new_username": "owner", "new_password": "another one",
                ],
                call: ToolCall(
                    principal: session, origin: .rest, requestID: "r-1", client: ClientAddress(peer: nil, real: nil)))
            #expect(result.outcome == .ok, "\(result.failureText ?? "")")
            for void in [session, other] {
                #expect(try await gateway.identity.reload(void, now: gateway.now) == nil)
            }
            #expect(try await gateway.auditRows().map(\.outcome) == ["ok"])
        }
    }

    @Test("a call that was stopped before it changed anything changes nothing")
    func stoppedBefore() async throws {
        let call = ToolCall(
            principal: .guest, origin: .rest, requestID: "r-1", client: ClientAddress(peer: nil, real: nil))
        let task = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            _ = try await call.completing { Issue.record("must not run") }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}

extension TestGateway {
    /// What the watcher does five times a second.
    func refreshAndRecheck() async {
        // A change that it cannot read would show in what follows.
        _ = try? await identity.refresh()
        await live.recheckAll()
    }
}
