package import Logging
import Synchronization

/// Notices five times a second what changed of users, servers and tokens, also by another process, and ends what is no
/// longer allowed; ends also what is past its deadline (`mcp.md` 6: within a second).
package struct RightsWatcher: Sendable {
    private let identity: IdentityCache
    private let live: LiveWork
    private let logger: Logger
    private let onChange: @Sendable () async -> Void
    private let health = Health()

    private final class Health: Sendable {
        let isGood = Atomic<Bool>(false)
    }

    /// Whether the database could be read the last time, at most some tenths of a second ago.
    package var isHealthy: Bool { health.isGood.load(ordering: .relaxed) }

    /// - Parameter onChange: called after each change of identities, when ``LiveWork`` has been checked.
    package init(
        identity: IdentityCache, live: LiveWork, logger: Logger,
        onChange: @escaping @Sendable () async -> Void = {}
    ) {
        self.identity = identity
        self.live = live
        self.logger = logger
        self.onChange = onChange
    }

    /// Watches until the surrounding task is cancelled.
    package func run() async {
        var isFailing = false
        var checked: Int64?
        while !Task.isCancelled {
            do {
                try await identity.refresh()
                // Not whether this reading found a change: a tool's own may have found it, and taken along that of
                // another process.
                let revision = identity.revision
                if revision != checked {
                    await live.recheckAll()
                    await onChange()
                }
                checked = revision
                isFailing = false
                health.isGood.store(true, ordering: .relaxed)
            } catch is CancellationError {
                return
            } catch {
                // Once per trouble, not five times a second.
                if !isFailing { logger.error("identities not readable", metadata: ["error": "\(error)"]) }
                isFailing = true
                health.isGood.store(false, ordering: .relaxed)
            }
            live.sweep(at: .now)
            try? await Task.sleep(for: .milliseconds(200))
        }
    }
}
