import Foundation
import MCPServer
import Settings
import Testing

@testable import GatewayServer

@Suite("Reading config.yaml")
struct ConfigurationLoaderTests {
    /// Secrets long enough to be taken, so that a file with them is complete.
    static let secrets = """
        agent_secret_key: abcdefghijklmnopqrstuvwxyz012345
        jwt_secret_key: zyxwvutsrqponmlkjihgfedcba543210
        data_secret_key: \(String(repeating: "0123456789abcdef", count: 4))

        """

    private func load(
        _ yaml: String?, environment: [String: String] = [:], complete: Bool = true
    ) throws -> LoadedConfiguration {
        let folder = try TemporaryFolder()
        if let yaml { try folder.write((complete ? Self.secrets : "") + yaml, to: "config.yaml") }
        return try ConfigurationLoader(path: folder.file("config.yaml"), environment: environment).load()
    }

    @Test("a missing file is made, for its owner alone, with random secrets")
    func missingFile() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("data/config.yaml")
        let first = try ConfigurationLoader(path: path, environment: [:]).load()
        #expect(try folder.mode(of: "data/config.yaml") == 0o600)
        #expect(try folder.mode(of: "data") == 0o700)
        #expect(first.generatedKeys == ["agent_secret_key", "jwt_secret_key", "data_secret_key"])
        #expect(first.configuration.agentSecretKey.count == 32)
        #expect(first.configuration.jwtSecretKey.count == 1024)
        #expect(first.configuration.dataSecretKey.count == 64)
        #expect(first.configuration.listenPort == 8008)
        #expect(first.configuration.location == "UTC")
        #expect(!first.configuration.settings.enableMCP)

        let second = try ConfigurationLoader(path: path, environment: [:]).load()
        #expect(second.generatedKeys.isEmpty)
        #expect(second.configuration.jwtSecretKey == first.configuration.jwtSecretKey)
        #expect(second.configuration.dataSecretKey == first.configuration.dataSecretKey)
    }

    @Test("two new files have different secrets")
    func secretsAreRandom() throws {
        let (one, two) = (try load(nil), try load(nil))
        #expect(one.configuration.agentSecretKey != two.configuration.agentSecretKey)
    }

    @Test("a file with some keys is completed, and what stands in it stays")
    func completed() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("site_name: Ours\nsomething_else: {a: 1}\n", to: "config.yaml")
        let loaded = try ConfigurationLoader(path: path, environment: [:]).load()
        #expect(loaded.configuration.settings.siteName == "Ours")
        #expect(loaded.unknownKeys == ["something_else"])
        let written = try folder.text(of: "config.yaml")
        #expect(written.contains("something_else"))
        #expect(written.contains("agent_secret_key: \(loaded.configuration.agentSecretKey)"))
        #expect(try folder.mode(of: "config.yaml") == 0o600)
    }

    @Test("a check of the file changes nothing")
    func readOnly() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("site_name: Ours\n", to: "config.yaml")
        _ = try ConfigurationLoader(path: path, environment: [:]).load(readOnly: true)
        #expect(try folder.text(of: "config.yaml") == "site_name: Ours\n")
        let missing = folder.file("none.yaml")
        #expect(throws: ConfigurationError.notReadable(path: missing)) {
            try ConfigurationLoader(path: missing, environment: [:]).load(readOnly: true)
        }
        #expect(!FileManager.default.fileExists(atPath: missing))
    }

    @Test(
        "keys match in any letter case, with all their underscores or none",
        arguments: ["listen_port", "listenport", "listenPort", "LISTEN_PORT", "ListenPort"])
    func spelling(key: String) throws {
        #expect(try load("\(key): 9000").configuration.listenPort == 9000)
    }

    @Test("older files name their secrets without underscores, and keep them")
    func oldSecretNames() throws {
        let yaml = """
            agentsecretkey: abcdefghijklmnopqrstuvwxyz012345
            jwtsecretkey: zyxwvutsrqponmlkjihgfedcba543210
            https: {listenport: 0, insecuretls: true}
            """
        let loaded = try load(yaml, complete: false)
        #expect(loaded.configuration.agentSecretKey == "abcdefghijklmnopqrstuvwxyz012345")
        #expect(loaded.configuration.jwtSecretKey == "zyxwvutsrqponmlkjihgfedcba543210")
        #expect(loaded.generatedKeys == ["data_secret_key"])
        #expect(loaded.unknownKeys.isEmpty)
        #expect(loaded.configuration.https.insecureTLS)
    }

    @Test("the exact spelling wins over the others")
    func exactWins() throws {
        #expect(try load("listenport: 1\nlisten_port: 2\nLISTEN_PORT: 3").configuration.listenPort == 2)
    }

    @Test("half an underscore is another key")
    func otherKey() throws {
        #expect(try load("listen__port: 9000\nlis_tenport: 1").unknownKeys == ["listen__port", "lis_tenport"])
    }

    @Test(
        "values are typed weakly",
        arguments: [
            ("enable_mcp: \"true\"", true), ("enable_mcp: 1", true), ("enable_mcp: True", true),
            ("enable_mcp: 0", false),
            ("enable_mcp: \"false\"", false), ("enable_mcp: ", false),
        ])
    func weakFlags(yaml: String, value: Bool) throws {
        #expect(try load(yaml).configuration.settings.enableMCP == value)
    }

    @Test("quoted numbers, numbers as texts and texts as lists are good")
    func weakOthers() throws {
        let settings = try load(
            "jwt_timeout: \"12\"\nsite_name: 42\nmcp_toolsets: core, files\ntrusted_proxies: [10.0.0.0/8]"
        ).configuration.settings
        #expect(settings.jwtTimeout == 12)
        #expect(settings.siteName == "42")
        #expect(settings.mcpToolsets == ["core", "files"])
        #expect(settings.trustedProxies == ["10.0.0.0/8"])
    }

    @Test("the hosts of MCP are a list that is empty by default; the environment may give it")
    func allowedHosts() throws {
        #expect(try load("").configuration.settings.mcpAllowedHosts == [])
        let hosts = ["n.example", "192.0.2.1", "[2001:db8::1]"]
        let yaml = "mcp_allowed_hosts: [n.example, 192.0.2.1, \"[2001:db8::1]\"]"
        #expect(try load(yaml).configuration.settings.mcpAllowedHosts == hosts)
        let fromEnvironment = try load("", environment: ["NZ_MCPALLOWEDHOSTS": "n.example, 192.0.2.1"])
        #expect(fromEnvironment.configuration.settings.mcpAllowedHosts == ["n.example", "192.0.2.1"])
    }

    @Test("empty and 0 stand for the default where the contract says so")
    func emptyMeansDefault() throws {
        let configuration = try load(
            "language: \"\"\nlocation: \"\"\ncover: 0\njwt_timeout: 0\navg_ping_count: 0\nuser_template: \"\""
        ).configuration
        #expect(configuration.settings.language == "en_US")
        #expect(configuration.location == "UTC")
        #expect(configuration.settings.cover == 1)
        #expect(configuration.settings.jwtTimeout == 1)
        #expect(configuration.avgPingCount == 2)
        #expect(configuration.settings.userTemplate == "user-dist")
    }

    @Test(
        "a bad value stops the start, with key, value and what was expected",
        arguments: [
            ("listen_port: abc", "listen_port", "abc"), ("listen_port: 70000", "listen_port", "70000"),
            ("enable_mcp: perhaps", "enable_mcp", "perhaps"), ("jwt_timeout: -1", "jwt_timeout", "-1"),
            ("location: Mars/Olympus", "location", "Mars/Olympus"),
            ("mcp_toolsets: {a: b}", "mcp_toolsets", "a mapping"),
            ("mcp_toolsets: [core, Fleet]", "mcp_toolsets", "Fleet"), ("mcp_toolsets: \"*\"", "mcp_toolsets", "*"),
            ("mcp_allowed_hosts: [n.example, \"https://n.example\"]", "mcp_allowed_hosts", "https://n.example"),
            ("mcp_allowed_hosts: \"n.example:8008\"", "mcp_allowed_hosts", "n.example:8008"),
            ("https: {listen_port: x}", "https.listen_port", "x"),
            ("https: {listen_port: 443}", "https.listen_port", "443"),
        ])
    func badValues(yaml: String, key: String, value: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try load(yaml) }
        guard case .badValue(key, value, let expected)? = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(!expected.isEmpty)
        #expect(error?.description.contains(key) == true)
    }

    @Test(
        "weak secrets are refused, and never shown",
        arguments: ["agent_secret_key: short", "jwt_secret_key: secret", "agent_secret_key: aaaaaaaaaaaaaaaaaaaaaaaa"])
    func weakSecrets(yaml: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try load(yaml, complete: false) }
        guard case .badValue(let key, nil, _)? = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        let secret = yaml.split(separator: " ")[1]
        #expect(yaml.hasPrefix(key))
        #expect(error?.description.contains(secret) == false || "secret_key".contains(secret))
    }

    @Test("what is no YAML is told with its line", arguments: ["a: [1\nb: 2", "- just\n- a list", "only text"])
    func notYAML(yaml: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try load(yaml, complete: false) }
        guard case .notYAML? = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
    }

    @Test("an empty file is a file without keys", arguments: ["", "\n# nothing\n", "null\n"])
    func emptyFile(yaml: String) throws {
        #expect(try load(yaml, complete: false).generatedKeys.count == 3)
    }

    @Test("the environment wins for keys that cannot be changed while running")
    func environmentWins() throws {
        let loaded = try load(
            "listen_port: 1\nhttps: {insecure_tls: false}",
            environment: ["NZ_LISTENPORT": "0", "NZ_HTTPS_INSECURETLS": "true", "NZ_DEBUG": "1"])
        #expect(loaded.configuration.listenPort == 0)
        #expect(loaded.configuration.https.insecureTLS)
        #expect(loaded.configuration.settings.debug)
        #expect(loaded.fromEnvironment == ["debug", "listen_port", "https.insecure_tls"])
    }

    @Test("the file wins for keys that PATCH /setting changes; the environment only fills them")
    func fileWins() throws {
        let environment = ["NZ_SITENAME": "Theirs", "NZ_ENABLEMCP": "true"]
        let loaded = try load("site_name: Ours", environment: environment)
        #expect(loaded.configuration.settings.siteName == "Ours")
        #expect(loaded.configuration.settings.enableMCP)
        #expect(loaded.fromEnvironment == ["enable_mcp"])
    }

    @Test("a secret from the environment is never written")
    func environmentSecret() throws {
        let folder = try TemporaryFolder()
        let secret = "from-the-environment-0123456789"
        let loaded = try ConfigurationLoader(
            path: folder.file("config.yaml"), environment: ["NZ_JWTSECRETKEY": secret]
        ).load()
        #expect(loaded.configuration.jwtSecretKey == secret)
        #expect(loaded.generatedKeys == ["agent_secret_key", "data_secret_key"])
        #expect(try !folder.text(of: "config.yaml").contains(secret))
    }

    @Test("a bad value of the environment is refused like one of the file")
    func badEnvironment() throws {
        #expect(throws: ConfigurationError.self) { try load("", environment: ["NZ_LISTENPORT": "http"]) }
    }

    @Test(
        "time zones of the database, offsets and customary short names are good",
        arguments: ["UTC", "GMT+5:30", "Europe/Berlin", "PST"])
    func locations(location: String) throws {
        let zones = try TemporaryFolder()
        // One setting and no change.
        let counts: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4]
        let file = Array("TZif".utf8) + [UInt8](repeating: 0, count: 16) + counts + [0, 0, 0x0E, 0x10, 0, 0]
        for name in ["Europe/Berlin", "America/Los_Angeles"] {
            let path = zones.file(name)
            try FileManager.default.createDirectory(
                at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(file + Array("CET\0".utf8)).write(to: URL(filePath: path))
        }
        let environment = ["TZDIR": zones.path]
        #expect(try load("location: \(location)", environment: environment).configuration.location == location)
        #expect(throws: ConfigurationError.self) { try load("location: Europe/Paris", environment: environment) }
    }

    @Test("without the database of time zones only UTC and its offsets are known, and that is said")
    func noTimeZones() throws {
        let environment = ["TZDIR": "/nonexistent"]
        #expect(try load("location: GMT-3", environment: environment).configuration.location == "GMT-3")
        let error = #expect(throws: ConfigurationError.self) {
            try load("location: Europe/Berlin", environment: environment)
        }
        guard case .badValue("location", "Europe/Berlin", let expected)? = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(expected.contains("/nonexistent"))
    }

    @Test(
        "only what is plain and empty, ~ or null is nothing; quoted it is a text",
        arguments: [
            ("dashboard_host: ", ""), ("dashboard_host: ~", ""), ("dashboard_host: null", ""),
            ("dashboard_host: 'null'", "null"), ("dashboard_host: \"~\"", "~"), ("dashboard_host: nUll", "nUll"),
        ])
    func null(yaml: String, value: String) throws {
        #expect(try load(yaml).configuration.settings.dashboardHost == value)
    }

    @Test("what a file says stays as it was written when keys are added")
    func formKept() throws {
        let folder = try TemporaryFolder()
        let yaml = """
            mcp_toolsets: [core, files]
            https: {listen_port: , tls_cert_path: ''}
            theirs: !!str 1
            site_name: 'It''s'

            """
        let path = try folder.write(yaml, to: "config.yaml")
        _ = try ConfigurationLoader(path: path, environment: [:]).load()
        let written = try folder.text(of: "config.yaml")
        #expect(written.hasPrefix(yaml.replacing("listen_port: ,", with: "listen_port: null,")))
        #expect(try ConfigurationLoader(path: path, environment: [:]).load().generatedKeys.isEmpty)
    }

    @Test("aliases that multiply, depth without end and texts that are no UTF-8 are refused")
    func hostile() throws {
        let folder = try TemporaryFolder()
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            bomb += "a\(level): &a\(level) [\((0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ","))]\n"
        }
        for yaml in [bomb, "a: " + String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)] {
            let path = try folder.write(yaml, to: "config.yaml")
            let error = #expect(throws: ConfigurationError.self) {
                try ConfigurationLoader(path: path, environment: [:]).load()
            }
            guard case .notYAML? = error else {
                Issue.record("another error: \(String(describing: error))")
                return
            }
            #expect(try folder.text(of: "config.yaml") == yaml)
        }
        let path = folder.file("bytes.yaml")
        try Data([0x61, 0x3A, 0x20, 0xFF]).write(to: URL(filePath: path))
        #expect(throws: ConfigurationError.notText(path: path)) {
            try ConfigurationLoader(path: path, environment: [:]).load()
        }
    }
}
