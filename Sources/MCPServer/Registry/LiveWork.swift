package import Settings
import Synchronization

package import struct FoundationEssentials.Date

/// Everything that runs under somebody's rights and may outlive a change of them: tool calls, transfers, sockets.
///
/// Work registers for as long as it runs. When identities change, the kill switch is thrown or a right expires, a sweep
/// ends what is no longer allowed, within a second (`mcp.md` 6). A registration that comes too late for a sweep sees the
/// newer revision and is checked by itself, so nothing survives in either order.
package final class LiveWork: Sendable {
    /// One piece of running work.
    package struct Entry: Sendable {
        package var principal: Principal
        package var origin: ToolCall.Origin
        /// The tool, or the kind of stream.
        package var subject: String
        package var rpcID: JSONRPCID?
        /// The work that this is a part of; once that has been told to stop, no part of it begins.
        var outer: ID?
        /// Stops with cause `deadline` from then on; `nil` = no limit of its own.
        package var deadline: ContinuousClock.Instant?
        /// Whether the work may go on under the principal as it stands now.
        package var isAllowed: @Sendable (Principal) -> Bool
        /// Ends the work. Called at most once, never under a lock.
        package var cancel: @Sendable (CancellationCause) -> Void

        package init(
            principal: Principal, origin: ToolCall.Origin, subject: String, rpcID: JSONRPCID? = nil,
            deadline: ContinuousClock.Instant? = nil, isAllowed: @escaping @Sendable (Principal) -> Bool,
            cancel: @escaping @Sendable (CancellationCause) -> Void
        ) {
            self.principal = principal
            self.origin = origin
            self.subject = subject
            self.rpcID = rpcID
            self.deadline = deadline
            self.isAllowed = isAllowed
            self.cancel = cancel
        }
    }

    package struct ID: Sendable, Hashable {
        fileprivate let number: UInt64
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        /// What has been told to stop and has not ended yet, with the cause.
        var stopped: [UInt64: CancellationCause] = [:]
        var last: UInt64 = 0
    }

    private let state = Mutex(State())
    private let identity: IdentityCache
    private let settings: any SettingsStore
    private let now: @Sendable () -> Date

    package init(
        identity: IdentityCache, settings: any SettingsStore, now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.identity = identity
        self.settings = settings
        self.now = now
    }

    package var count: Int { state.withLock { $0.entries.count } }

    /// Registers work that is about to start; ``end(_:)`` must follow on every path.
    ///
    /// When rights changed since the principal was read, the kill switch is on, or the work that this is a part of has
    /// been told to stop, the entry's `cancel` is called before this returns.
    package func begin(_ entry: Entry) async -> ID {
        let (id, refused) = state.withLock { state in
            state.last += 1
            let id = ID(number: state.last)
            if let outer = entry.outer, let cause = state.stopped[outer.number] { return (id, cause as _?) }
            state.entries[id.number] = entry
            return (id, nil)
        }
        if let refused {
            entry.cancel(refused)
            return id
        }
        // Registered first, checked second: a sweep either finds the entry or has already raised what is read here.
        if entry.origin.isUnderKillSwitch, !settings.shared.value.enableMCP {
            finish([id.number], cause: .killSwitch)
        } else if entry.principal.revision != identity.revision {
            await recheck(id)
        }
        return id
    }

    /// Whether nothing has changed since the principal was read that could keep work from beginning; if not, `refusal`
    /// tells.
    func isCurrent(_ principal: Principal, origin: ToolCall.Origin) -> Bool {
        (!origin.isUnderKillSwitch || settings.shared.value.enableMCP) && principal.revision == identity.revision
    }

    /// Why work may not begin that is over at once and therefore not registered; `nil` = it may. The same rules as those
    /// of ``begin(_:)``.
    func refusal(
        of principal: Principal, origin: ToolCall.Origin, isAllowed: (Principal) -> Bool
    ) async -> CancellationCause? {
        if origin.isUnderKillSwitch, !settings.shared.value.enableMCP { return .killSwitch }
        guard principal.revision != identity.revision else { return nil }
        // Rights that cannot be read are not there.
        guard let fresh = try? await identity.reload(principal, now: now()), isAllowed(fresh) else {
            return .rightsLost
        }
        return nil
    }

    /// Checks one piece of running work against the rights as they stand now, as after a change of them.
    ///
    /// Where its rights are lost, everything else of the same token or log-in that has lost them ends with it, so that
    /// no part of a larger work begins because another part has ended.
    func recheck(_ id: ID) async {
        let number = id.number
        guard let entry = state.withLock({ $0.entries[number] }) else { return }
        let fresh: Principal?
        do { fresh = try await identity.reload(entry.principal, now: now()) } catch {
            // Rights that cannot be read are not there.
            return finish([number], cause: .rightsLost)
        }
        if let fresh, entry.isAllowed(fresh) {
            // Its expiry may be another one now, and comes without any change of the storage.
            return state.withLock { $0.entries[number]?.principal = fresh }
        }
        let lost = inOrder.filter { other in
            other.key == number
                || other.value.principal.hasCredential(of: entry.principal) && fresh.map(other.value.isAllowed) != true
        }
        finish(lost.map(\.key), cause: .rightsLost)
    }

    package func end(_ id: ID) {
        state.withLock {
            $0.entries[id.number] = nil
            $0.stopped[id.number] = nil
        }
    }

    /// Ends every piece of work that `matches`.
    package func cancel(cause: CancellationCause, where matches: (Entry) -> Bool) {
        finish(inOrder.filter { matches($0.value) }.map(\.key), cause: cause)
    }

    /// Ends MCP calls and transfers (`mcp.md` 6.1).
    package func throwKillSwitch() {
        cancel(cause: .killSwitch) { $0.origin.isUnderKillSwitch }
    }

    /// Checks everything against the rights as they stand now; called after identities changed.
    package func recheckAll() async {
        for (number, _) in inOrder { await recheck(ID(number: number)) }
    }

    /// Ends what is past its deadline or whose token has expired; called a few times a second.
    package func sweep(at instant: ContinuousClock.Instant) {
        let date = now()
        for (number, entry) in inOrder {
            if let deadline = entry.deadline, deadline <= instant {
                finish([number], cause: .deadline)
            } else if let token = entry.principal.token, token.isExpired(at: date) {
                finish([number], cause: .rightsLost)
            }
        }
    }

    /// Oldest first, so that a call ends before the calls it made: they end by its cause, not the other way round.
    private var inOrder: [(key: UInt64, value: Entry)] {
        state.withLock { $0.entries }.sorted { $0.key < $1.key }
    }

    /// Ends these in their order. None of them is found any more from then on, and no part of them begins.
    private func finish(_ numbers: [UInt64], cause: CancellationCause) {
        let entries = state.withLock { state in
            numbers.compactMap { number in
                guard let entry = state.entries.removeValue(forKey: number) else { return nil as Entry? }
                state.stopped[number] = cause
                return entry
            }
        }
        for entry in entries { entry.cancel(cause) }
    }
}

extension ToolCall.Origin {
    var isUnderKillSwitch: Bool { self == .mcp || self == .transfer }
}

extension Principal {
    /// Whether both came in by the same token or the same log-in.
    fileprivate func hasCredential(of other: Principal) -> Bool {
        if let token { return token.id == other.token?.id }
        if let session { return session.keyID == other.session?.keyID }
        return false
    }
}
