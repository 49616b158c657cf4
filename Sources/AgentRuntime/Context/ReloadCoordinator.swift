import AgentLink
import Logging

/// Tasks 12–14: what the dashboard may read and change of the configuration (`agent-link-details.md` 2).
///
/// A change is accepted at once and comes into force later, by a new connection, so that the answer still travels on
/// the old one.
actor ReloadCoordinator {
    private enum Kind {
        case apply
        case transfer
    }

    private let current: CurrentConfiguration
    private let file: ConfigurationFile
    private let delay: Duration
    private let logger: Logger
    private var pending: (kind: Kind, configuration: AgentConfiguration, generation: UInt64)?
    private var generation: UInt64 = 0
    private let accepted = BoundedMailbox<UInt64>(maxCount: 1024)

    init(current: CurrentConfiguration, file: ConfigurationFile, delay: Duration, logger: Logger) {
        self.current = current
        self.file = file
        self.delay = delay
        self.logger = logger
    }

    /// Task 12: all settings, the client secret included, to whoever may see them in the dashboard.
    func report() -> AgentTaskReply {
        if pending != nil { return Self.refusal(Self.busy) }
        return AgentTaskReply(data: current.value.jsonText(), successful: true)
    }

    /// Task 13: a later one replaces one that waits, but not a server transfer.
    func apply(_ json: String) async -> AgentTaskReply {
        if pending?.kind == .transfer { return Self.refusal(Self.busy) }
        let old = current.value
        do {
            let new = try old.merging(json: json)
            guard new.clientSecret == old.clientSecret else {
                return Self.refusal("client_secret can only be changed by a server transfer")
            }
            await accept(.apply, new)
        } catch {
            return Self.refusal(error.description)
        }
        return AgentTaskReply(data: "", successful: true)
    }

    /// Task 14: a new client secret, taken only over a connection that nobody can listen to. The last one wins.
    func applyTransfer(_ json: String) async -> AgentTaskReply {
        do {
            let new = try current.value.merging(json: json)
            guard new.clientSecret.utf8.count == 32,
                new.clientSecret.utf8.allSatisfy({ Character(UnicodeScalar($0)).isLetterOrDigit }),
                new.clientSecret != current.value.clientSecret
            else { return Self.refusal("client_secret must be 32 new characters of 0-9, A-Z and a-z") }
            guard new.tls, !new.insecureTLS else {
                return Self.refusal("a server transfer needs tls without insecure_tls")
            }
            await accept(.transfer, new)
        } catch {
            return Self.refusal(error.description)
        }
        return AgentTaskReply(data: "", successful: true)
    }

    /// Brings accepted changes into force when their time has come.
    /// - Parameter onChange: called after each, to connect anew.
    func run(onChange: @escaping @Sendable () -> Void) async {
        await withDiscardingTaskGroup { group in
            while let generation = try? await accepted.next() {
                group.addTask {
                    try? await Task.sleep(for: self.delay)
                    if !Task.isCancelled, await self.commit(generation) { onChange() }
                }
            }
        }
    }

    private func accept(_ kind: Kind, _ configuration: AgentConfiguration) async {
        generation += 1
        pending = (kind, configuration, generation)
        try? await accepted.send(generation)
    }

    private func commit(_ generation: UInt64) async -> Bool {
        guard let change = pending, change.generation == generation else { return false }
        let (file, old) = (self.file, current.value)
        // A newer one may come while this one is saved.
        defer { if pending?.generation == generation { pending = nil } }
        do {
            try await WorkerThreads.files.run { try file.save(from: old, to: change.configuration) }
            logger.info("configuration changed by the gateway")
        } catch {
            logger.error("changed configuration could not be saved", metadata: ["error": "\(error)"])
            // A new secret that is proven and then forgotten at the next start would lock this agent out for good; the
            // gateway takes the server back when the proof does not come. Other settings are in force until then, which is
            // more than nothing.
            if change.kind == .transfer { return false }
        }
        current.replace(change.configuration)
        return true
    }

    private static let busy = "another reload is in process"

    private static func refusal(_ text: String) -> AgentTaskReply {
        AgentTaskReply(data: text, successful: false)
    }
}

extension Character {
    fileprivate var isLetterOrDigit: Bool { isASCII && (isLetter || isNumber) }
}
