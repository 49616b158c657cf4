import FoundationEssentials
import Primitives
import Testing

@testable import AgentRuntime

@Suite("Configuration")
struct ConfigurationTests {
    let folder = TemporaryFolder()
    static let base =
        "server: 192.0.2.1:8008\nclient_secret: canary-secret\nuuid: 82326610-5e48-45b1-9c7b-1fb0d149d1d3\n"

    func load(_ text: String, _ environment: [String: String] = [:]) throws -> AgentConfiguration {
        try ConfigurationFile(path: folder.file("config.yml", text)).load(environment: environment)
    }

    @Test("defaults, types and lists")
    func values() throws {
        let configuration = try load(
            Self.base
                + "tls: true\nip_report_period: 5\ndns: ['192.0.2.53:53']\nnic_allowlist: {eth0: true, eth1: false}\nunknown: [1]\n"
        )
        #expect(configuration.reportDelay == 3)
        #expect(configuration.ipReportPeriod == 30)
        #expect(configuration.tls)
        #expect(configuration.dns == ["192.0.2.53:53"])
        #expect(configuration.nicAllowlist == ["eth0": true, "eth1": false])
        #expect(!configuration.disableCommandExecute)
        #expect(configuration.customIPAPI.isEmpty)
    }

    @Test("the environment wins and stays out of the file")
    func environment() throws {
        let path = folder.file("config.yml", "server: 192.0.2.1:8008\nfuture: kept\n")
        let file = ConfigurationFile(path: path)
        let configuration = try file.load(environment: [
            "NZ_CLIENT_SECRET": "from-environment", "NZ_TLS": "true", "NZ_REPORT_DELAY": "2",
            "NZ_DNS": "192.0.2.1:53, [::1]:53",
            "NZ_NIC_ALLOWLIST": "eth0,eth1=false", "NZ_OTHER": "ignored",
        ])
        #expect(configuration.clientSecret == "from-environment")
        #expect(configuration.tls)
        #expect(configuration.reportDelay == 2)
        #expect(configuration.dns == ["192.0.2.1:53", "[::1]:53"])
        #expect(configuration.nicAllowlist == ["eth0": true, "eth1": false])
        let text = try #require(contents(path))
        #expect(!text.contains("from-environment"))
        #expect(text.contains("future: kept"))
        #expect(text.contains(configuration.uuid))
    }

    @Test("an empty uuid is made once, kept, and the file is private")
    func uuid() throws {
        let path = folder.file("config.yml", "server: h:1\nclient_secret: x\nuuid: ''\n")
        let file = ConfigurationFile(path: path)
        let first = try file.load(environment: [:])
        #expect(UUIDText.isValid(first.uuid))
        #expect(try file.load(environment: [:]).uuid == first.uuid)
        #expect(try FileStatus(path).modeText == "0600")
        #expect(folder.names == ["config.yml"])
    }

    @Test(
        "wrong values name key, value and what is expected",
        arguments: [
            ("report_delay: 9\n", "report_delay has the value \"9\"; expected seconds from 1 to 4"),
            (
                "report_delay: often\n",
                "report_delay has the value \"often\"; expected a whole number from 0 to 4294967295"
            ),
            ("tls: maybe\n", "tls has the value \"maybe\"; expected true or false"),
            (
                "custom_ip_api: ['ftp://x']\n",
                "custom_ip_api has the value \"ftp://x\"; expected a URL that begins with http:// or https://"
            ),
            ("dns: nine\n", "dns has the value \"nine\"; expected a list of texts"),
        ])
    func wrong(line: String, text: String) {
        #expect {
            try load(Self.base + line)
        } throws: { error in
            (error as? ConfigurationError)?.description == text && (error as? ConfigurationError)?.exitCode == 78
        }
    }

    @Test("missing things have their exit codes, and no error shows the secret")
    func missing() {
        let cases: [(String, Int32)] = [
            ("client_secret: canary\n", 78), ("server: h:1\n", 78), ("server: h\nclient_secret: canary\n", 78),
            ("client_secret: [canary\n  x: {\n", 78), ("- canary\n", 78),
            ("server: h:1\nclient_secret: [canary]\n", 78), ("server: h:1\nclient_secret: canary\nuuid: 1\n", 78),
        ]
        for (text, code) in cases {
            #expect {
                try load(text)
            } throws: { error in
                (error as? ConfigurationError)?.exitCode == code && !"\(error)".contains("canary")
            }
        }
        #expect(throws: ConfigurationError.notFound(path: "/no/such.yml")) {
            try ConfigurationFile(path: "/no/such.yml").load(environment: [:])
        }
    }

    @Test("setting keys keeps the others")
    func set() throws {
        let path = folder.file("config.yml", Self.base + "future: {a: 1}\n")
        let file = ConfigurationFile(path: path)
        try file.set(["report_delay=2", "client_secret=12345", "custom_ip_api=http://a/,https://b/"])
        let configuration = try file.load(environment: [:])
        #expect(configuration.reportDelay == 2)
        #expect(configuration.clientSecret == "12345")
        #expect(configuration.customIPAPI == ["http://a/", "https://b/"])
        #expect(contents(path)?.contains("future") == true)
        #expect(throws: ConfigurationError.unknownKey("nope")) { try file.set(["nope=1"]) }
    }

    @Test("what goes to the dashboard and what comes back")
    func json() throws {
        var configuration = try load(Self.base + "nic_allowlist: {eth0: true}\ndns: ['192.0.2.53:53']\n")
        #expect(configuration.jsonText().contains(#""nic_allowlist":{"eth0":true}"#))
        #expect(!configuration.jsonText().contains("custom_ip_api"))
        configuration = try configuration.merging(
            json:
                #"{"report_delay":1,"nic_allowlist":{"eth1":false},"dns":[],"debug":true,"other":{"x":[1]},"tls":null}"#
        )
        #expect(configuration.reportDelay == 1)
        #expect(configuration.nicAllowlist == ["eth0": true, "eth1": false])
        #expect(configuration.dns.isEmpty)
        #expect(configuration.debug)
        for bad in [
            "[]", "{", #"{"tls":1}"#, #"{"report_delay":9}"#, #"{"report_delay":-1}"#, #"{"dns":"x"}"#,
            #"{"server":""}"#, #"{"dns":["a",1]}"#, #"{"nic_allowlist":{"a":1}}"#, #"{"debug":true,"debug":false}"#,
        ] {
            #expect(throws: ConfigurationError.self) { try configuration.merging(json: bad) }
        }
    }

    @Test("a change has a size that it may have, and a fault in it never quotes it")
    func jsonLimits() throws {
        let configuration = try load(Self.base)
        func change(_ length: Int) -> String {
            #"{"debug":true,"x":""# + String(repeating: "y", count: length - 21) + #""}"#
        }
        #expect(try configuration.merging(json: change(AgentConfiguration.changeLimit)).debug)
        for bad in [change(AgentConfiguration.changeLimit + 1), "{\"\(String(repeating: "canary", count: 43))\":1}"] {
            let error = #expect(throws: ConfigurationError.self) { try configuration.merging(json: bad) }
            #expect(error.map { "\($0)".contains("canary") } == false)
        }
    }

    @Test("host:port in all its forms")
    func addresses() {
        #expect(ServerAddress("[::1]:80")?.host == "::1")
        #expect(ServerAddress("example.org:443")?.port == 443)
        for bad in ["", "host", "host:", ":1", "::1:80", "h:0", "h:65536", "http://h:1", "h h:1"] {
            #expect(ServerAddress(bad) == nil)
        }
        // Bytes decide: marks join with a colon or a slash, and lengths are looked at first.
        #expect(ServerAddress("h\u{301}:80")?.port == 80)
        #expect(ServerAddress("h/\u{301}:80") == nil)
        #expect(ServerAddress("h :\u{301}80") == nil)
        #expect(ServerAddress(String(repeating: "h", count: 509) + ":80")?.port == 80)
        #expect(ServerAddress(String(repeating: "h", count: 510) + ":80") == nil)
    }

    @Test("the systemd unit quotes what it is given, and goes again")
    func unit() throws {
        let unit = SystemdUnit(directory: folder.path)
        let path = try unit.install(program: "/opt/na me/agent", configuration: "/etc/50%.yml", user: "nezha")
        let text = try #require(contents(path))
        #expect(text.contains(#"ExecStart="/opt/na me/agent" run -c "/etc/50%%.yml""#))
        #expect(text.contains("\nUser=nezha\n"))
        #expect(throws: ConfigurationError.self) {
            try unit.install(program: "/a", configuration: "/b", user: "x\nExecStart=/evil")
        }
        _ = try unit.uninstall()
        #expect(folder.names.isEmpty)
        #expect(throws: ConfigurationError.notFound(path: path)) { try unit.uninstall() }
    }
}
