package import Settings
import Transport

/// Settings in memory, which can be told to fail.
package final class MemorySettings: SettingsStore {
    private let state: Lock<(settings: GatewaySettings, failing: Bool)>

    package init(_ settings: GatewaySettings = GatewaySettings()) {
        state = Lock((settings, false))
    }

    package var current: GatewaySettings { state.withLock { $0.settings } }

    package func set(_ change: (inout GatewaySettings) -> Void) {
        state.withLock { change(&$0.settings) }
    }

    package func fail() { state.withLock { $0.failing = true } }

    package func update(
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
