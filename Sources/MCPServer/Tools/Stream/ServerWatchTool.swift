import AgentLink
import HTTP
import Storage

import struct FoundationEssentials.Date

/// `server.watch`: the live state of the servers every two seconds, `GET /ws/server` (`rest-details.md` 4 and 6).
///
/// A watcher has one message under way at most. One that does not take it within ``patience`` is let go; nothing is queued
/// for it.
struct ServerWatchTool: Tool {
    /// How long a message may take to reach a watcher.
    static let patience = Duration.seconds(10)
    /// Messages after which a log-in is looked at anew in the storage: it may have expired, and nothing else tells.
    static let messagesBetweenLooks = 15
    /// A ping for every fourth message.
    static let terms = ToolSocket.Terms(
        maxMessageSize: SocketWatch.terms.maxMessageSize, pingInterval: .seconds(4 * LiveServers.interval))

    private let identity: IdentityCache
    private let live: LiveServers
    private let watchers: WatcherRegistry
    private let now: @Sendable () -> Date

    init(_ services: ToolServices) {
        identity = services.identity
        live = services.liveServers
        watchers = services.watchers
        now = services.now
    }

    let definition = ToolDefinition(
        name: "server.watch", title: "Watch servers",
        description: """
            A WebSocket that gets the state of all servers which the caller may see, every two seconds. Guests see those \
            that are not hidden; versions are for owners and administrators.
            """,
        annotations: ToolAnnotations(readOnly: true, openWorld: false),
        access: .guest(.inventoryRead), exposure: .internal, deadline: SocketWatch.deadline,
        inputSchema: SchemaSource(PackageResources.server_watch_input_json),
        outputSchema: SchemaSource(PackageResources.server_watch_output_json))

    func run(_ input: NoInput, in call: ToolCall) async throws -> NoOutput {
        guard let socket = call.socket else { throw ToolSocket.missing }
        let (closed, close) = AsyncStream.makeStream(of: Void.self)
        let watcher = try watchers.enter(
            userID: call.principal.user?.id, ip: call.client.real, at: now(), close: { close.finish() })
        defer { watchers.leave(watcher) }
        let connection = try await socket.accept(Self.terms)
        try await SocketWatch.run(connection) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer { group.cancelAll() }
                group.addTask { try await talk(to: connection, call.principal) }
                group.addTask {
                    for await _ in closed {}
                    try Task.checkCancellation()
                    throw ToolFailure.rejected("closed by an administrator")
                }
                try await group.next()
            }
        }
        return NoOutput()
    }

    private func talk(to connection: any WebSocketConnection, _ principal: Principal) async throws {
        var principal = principal
        let first = await live.snapshot().firstMessage(for: LiveView(principal), online: watchers.count)
        try await send(first, to: connection)
        var sent = 1
        while true {
            try await nextTick()
            principal = try await current(principal, thorough: sent % Self.messagesBetweenLooks == 0)
            let message = await live.snapshot().message(for: LiveView(principal), online: watchers.count)
            try await send(message, to: connection)
            sent += 1
        }
    }

    private func nextTick() async throws {
        let interval = Double(LiveServers.interval)
        let time = now().timeIntervalSince1970
        let rest = interval - time.truncatingRemainder(dividingBy: interval)
        // A little behind the tick, so that a clock that is early by a hair does not give the former one again.
        try await Task.sleep(for: .milliseconds(Int64(rest * 1000) + 5))
    }

    /// The watcher with the role that they have now.
    private func current(_ principal: Principal, thorough: Bool) async throws -> Principal {
        if thorough {
            guard let fresh = try await identity.reload(principal, now: now()) else {
                throw ToolFailure.cancelled(.rightsLost)
            }
            return fresh
        }
        guard let known = principal.user else { return principal }
        guard let user = identity.user(id: known.id) else { throw ToolFailure.cancelled(.rightsLost) }
        return Principal(
            user: UserIdentity(user), credential: principal.credential, revision: principal.revision)
    }

    private func send(_ message: SharedMessage, to connection: any WebSocketConnection) async throws {
        do {
            try await withDeadline(Self.patience) { try await connection.send(message) }
        } catch is DeadlineExceeded {
            throw ToolFailure.rejected("the watcher is too slow")
        }
    }
}
