import Dispatch
public import MCPServer
import Synchronization

/// The settings in `config.yaml`: in force at once, on disk before a change counts (`mcp.md` 6.1).
public final class YAMLSettingsStore: SettingsStore {
    private struct State {
        var configuration: GatewayConfiguration
        /// Number of the newest change, and of the newest that is on disk.
        var changed = 0
        var saved = 0
    }

    private let state: Mutex<State>
    private let file: ConfigurationFile
    /// One change after the other, off the cooperative threads as it waits for the disk.
    private let queue = DispatchQueue(label: "nezha.settings")

    public init(path: String, configuration: GatewayConfiguration) {
        file = ConfigurationFile(path: path)
        state = Mutex(State(configuration: configuration))
    }

    public var current: GatewaySettings { state.withLock { $0.configuration.settings } }

    public func update(
        _ change: @Sendable (inout GatewaySettings) -> Void
    ) async throws(SettingsError) -> GatewaySettings {
        // In force first, saved second: when the save fails the former settings come back.
        let (before, after, number) = state.withLock { state in
            let before = state.configuration
            change(&state.configuration.settings)
            state.changed += 1
            return (before, state.configuration, state.changed)
        }
        let isSaved = await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.save(after, number: number)) }
        }
        guard isSaved else {
            state.withLock { if $0.configuration.settings == after.settings { $0.configuration = before } }
            throw .notSaved(file.path)
        }
        return after.settings
    }

    /// Runs on the queue. A newer change holds the older ones, so one that comes late has nothing to write.
    private func save(_ configuration: GatewayConfiguration, number: Int) -> Bool {
        guard state.withLock({ $0.saved < number }) else { return true }
        do {
            try Self.write(configuration, to: file)
        } catch {
            return false
        }
        state.withLock { $0.saved = max($0.saved, number) }
        return true
    }

    /// Reads the file anew, so that what an operator added meanwhile stays, and writes the changeable keys.
    private static func write(
        _ configuration: GatewayConfiguration, to file: ConfigurationFile
    ) throws(ConfigurationError) {
        var document = try file.read() ?? ConfigurationDocument()
        let defaults = GatewayConfiguration()
        for key in ConfigurationKey.all where key.isChangeable {
            guard let node = key.node(in: configuration) else { continue }
            // Keys that were never written and hold the default stay unwritten.
            if document[key.name] == nil, node == key.node(in: defaults) { continue }
            document.set(key.name, to: node)
        }
        try file.write(document)
    }
}
