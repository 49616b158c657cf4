import MCPServer
import Synchronization

/// Settings in memory, which can be told to fail.
final class MemorySettings: SettingsStore {
    private let state: Mutex<(settings: GatewaySettings, failing: Bool)>

    init(_ settings: GatewaySettings = GatewaySettings()) {
        state = Mutex((settings, false))
    }

    var current: GatewaySettings { state.withLock { $0.settings } }

    func set(_ change: (inout GatewaySettings) -> Void) {
        state.withLock { change(&$0.settings) }
    }

    func fail() { state.withLock { $0.failing = true } }

    func update(
        _ change: @Sendable (inout GatewaySettings) -> Void
    ) async throws(SettingsError) -> GatewaySettings {
        let saved: GatewaySettings? = state.withLock { state in
            guard !state.failing else { return nil }
            change(&state.settings)
            return state.settings
        }
        guard let saved else { throw .notSaved("config.yaml") }
        return saved
    }
}
