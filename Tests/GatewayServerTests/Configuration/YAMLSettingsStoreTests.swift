import Foundation
import MCPServer
import Settings
import Testing

@testable import GatewayServer

@Suite("Changing settings while running")
struct YAMLSettingsStoreTests {
    private func store(_ folder: TemporaryFolder, _ yaml: String) throws -> YAMLSettingsStore {
        let path = try folder.write(ConfigurationLoaderTests.secrets + yaml, to: "config.yaml")
        let loaded = try ConfigurationLoader(path: path, environment: [:]).load()
        return YAMLSettingsStore(path: path, configuration: loaded.configuration)
    }

    @Test("a change is in force and on disk, for the owner alone; secrets and unknown keys stay")
    func saved() async throws {
        let folder = try TemporaryFolder()
        let settings = try store(folder, "their_own: [1, 2]\nlisten_port: 9000\n")
        let after = try await settings.update {
            $0.enableMCP = true
            $0.siteName = "Ours: \"quoted\" # and more"
        }
        #expect(after.enableMCP)
        #expect(settings.current == after)
        #expect(try folder.mode(of: "config.yaml") == 0o600)
        let again = try ConfigurationLoader(path: folder.file("config.yaml"), environment: [:]).load()
        #expect(again.configuration.settings.enableMCP)
        #expect(again.configuration.settings.siteName == "Ours: \"quoted\" # and more")
        #expect(again.configuration.listenPort == 9000)
        #expect(again.unknownKeys == ["their_own"])
        #expect(again.generatedKeys.isEmpty)
        #expect(again.configuration.jwtSecretKey == "zyxwvutsrqponmlkjihgfedcba543210")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["config.yaml"])
    }

    @Test(
        "texts that look like something else come back as texts",
        arguments: ["true", "0123", "null", "~", "1e3", "", "on", "a: b", "- x", "é\n\"\\"])
    func ambiguousTexts(text: String) async throws {
        let folder = try TemporaryFolder()
        let settings = try store(folder, "")
        _ = try await settings.update { $0.customCode = text }
        let again = try ConfigurationLoader(path: folder.file("config.yaml"), environment: [:]).load()
        #expect(again.configuration.settings.customCode == text)
    }

    @Test("a key keeps the spelling it has in the file")
    func spellingKept() async throws {
        let folder = try TemporaryFolder()
        let settings = try store(folder, "siteName: Old\n")
        _ = try await settings.update { $0.siteName = "New" }
        let text = try folder.text(of: "config.yaml")
        #expect(text.contains("siteName: New"))
        #expect(!text.contains("site_name"))
    }

    @Test("what an operator wrote into the file meanwhile stays")
    func editedMeanwhile() async throws {
        let folder = try TemporaryFolder()
        let settings = try store(folder, "")
        try folder.write(ConfigurationLoaderTests.secrets + "added_later: 1\n", to: "config.yaml")
        _ = try await settings.update { $0.enableMCP = true }
        #expect(try folder.text(of: "config.yaml").contains("added_later: 1"))
    }

    @Test("when it cannot be saved, the former settings are in force again")
    func rolledBack() async throws {
        let folder = try TemporaryFolder()
        let settings = try store(folder, "site_name: Old\n")
        // A folder in the file's place cannot be replaced, not even by root.
        try FileManager.default.removeItem(atPath: folder.file("config.yaml"))
        try FileManager.default.createDirectory(
            atPath: folder.file("config.yaml/inside"), withIntermediateDirectories: true)
        await #expect(throws: SettingsError.notSaved(folder.file("config.yaml"))) {
            try await settings.update { $0.siteName = "New" }
        }
        #expect(settings.current.siteName == "Old")
    }

    @Test("changes at the same time are all kept")
    func concurrent() async throws {
        let folder = try TemporaryFolder()
        let settings = try store(folder, "")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask { _ = try await settings.update { $0.ignoredIPNotification += "\(number)," } }
                group.addTask { _ = try await settings.update { $0.reservedHosts += "x" } }
            }
            try await group.waitForAll()
        }
        #expect(settings.current.ignoredIPNotification.split(separator: ",").count == 20)
        let again = try ConfigurationLoader(path: folder.file("config.yaml"), environment: [:]).load()
        #expect(again.configuration.settings == settings.current)
    }
}
