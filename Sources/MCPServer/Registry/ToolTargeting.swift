import Synchronization

/// The server of a call whose arguments do not name it: that of a stream, which only the tool can look up.
final class FoundServer: Sendable {
    private let state = Mutex<Int64?>(nil)

    var id: Int64? { state.withLock { $0 } }

    fileprivate func set(_ id: Int64) { state.withLock { $0 = id } }
}

/// How a running tool says which server its call is about. From then on the call lives under the same rights as one
/// whose arguments named that server, and its audit row says so.
struct ToolTargeting: Sendable {
    let found: FoundServer
    /// Checks the rights on that server as they stand now.
    let confirm: @Sendable (Int64) async throws -> Void
}

extension ToolCall {
    /// Says which server the call is about, before it is touched.
    /// - Throws: ``ToolFailure/permissionDenied`` when the caller has no right to it.
    func target(server id: Int64) async throws {
        guard let targeting else { throw ToolFailure.internalError("a target was set outside of a tool") }
        // Set first: a change of rights from now on ends the call; one from before is found by the look that follows.
        targeting.found.set(id)
        try await targeting.confirm(id)
    }
}
