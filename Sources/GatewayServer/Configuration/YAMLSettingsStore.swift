package import Settings
import Transport

/// The settings in `config.yaml`: in force at once, on disk before a change counts (`mcp.md` 6.1).
package final class YAMLSettingsStore: SettingsStore {
    private let configuration: Lock<State>
    private let file: ConfigurationFile
    /// One change after the other, so that what is taken back after a failure is exactly that change.
    private let turns = Turns()

    private struct State {
        var configuration: GatewayConfiguration { didSet { shared = SharedSettings(configuration.settings) } }
        private(set) var shared: SharedSettings

        init(_ configuration: GatewayConfiguration) {
            self.configuration = configuration
            shared = SharedSettings(configuration.settings)
        }
    }

    package init(path: String, configuration: GatewayConfiguration) {
        file = ConfigurationFile(path: path)
        self.configuration = Lock(State(configuration))
    }

    package var current: GatewaySettings { shared.value }
    package var shared: SharedSettings { configuration.withLock { $0.shared } }

    package func update(
        _ change: @Sendable (inout GatewaySettings) -> Void
    ) async throws(SettingsError) -> GatewaySettings {
        await turns.begin()
        defer { turns.end() }
        // In force first, saved second: when the save fails the former settings come back.
        let (before, after) = configuration.withLock { state in
            let before = state.configuration
            change(&state.configuration.settings)
            return (before, state.configuration)
        }
        // Writing waits for the disk, and is not given up with the task: a thread of its own, as changes are rare.
        let isSaved = await withCheckedContinuation { continuation in
            do {
                try startThread { [file] in
                    continuation.resume(returning: (try? Self.write(after, to: file)) != nil)
                }
            } catch {
                // No thread to be had: nothing was written.
                continuation.resume(returning: false)
            }
        }
        guard isSaved else {
            configuration.withLock { $0.configuration = before }
            throw .notSaved(file.path)
        }
        return after.settings
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

/// Lets tasks pass one at a time, in the order they came. A task that was cancelled gets its turn, too.
private final class Turns: Sendable {
    private struct State {
        var isTaken = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Lock(State())

    func begin() async {
        await withCheckedContinuation { continuation in
            let isMine = state.withLock { state in
                guard state.isTaken else {
                    state.isTaken = true
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isMine { continuation.resume() }
        }
    }

    func end() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isTaken = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
