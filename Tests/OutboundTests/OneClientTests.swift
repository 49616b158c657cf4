import FoundationEssentials
import Testing

/// SSRF is mended once (security.md): a test that fails when the gateway opens connections elsewhere.
struct OneClientTests {
    private static let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources")

    /// What opens connections, and the folders that may.
    private static let rules: [(text: String, folders: Set<String>)] = [
        ("import CCurl", ["Outbound"]),
        ("curl_easy_", ["Outbound", "CCurl"]),
        ("HTTP1Client", ["HTTP", "AgentRuntime"]),
        ("Connector.connect", ["Transport", "HTTP", "GRPC", "AgentRuntime"]),
        ("ConnectRace", ["Transport"]),
        ("ByteStream.connect", ["AgentRuntime"]),
        ("HTTP2ClientConnection", ["HTTP", "GRPC"]),
        ("GRPCClient", ["GRPC", "AgentRuntime"]),
        ("import CUV", ["Transport"]),
        ("uv_tcp_connect", ["Transport"]),
        (" connect(", ["Transport", "HTTP", "GRPC", "AgentRuntime"]),
        ("Resolver.resolve", ["Transport", "Outbound"]),
        ("getaddrinfo", ["Transport", "AgentRuntime"]),
        ("SOCK_", ["CLinux", "CCurl", "AgentRuntime"]),
        // Programs that are started could call as well; those of an agent are its job.
        ("posix_spawn", ["CLinux", "AgentRuntime"]),
        ("execve", ["CLinux", "AgentRuntime"]),
        ("URLSession", []),
        // A client that may reach everything is for targets that the operator names, and made in one place.
        ("guard: .everywhere", ["Gateway"]),
    ]

    private static func files(_ suffixes: String...) throws -> [(path: String, text: String)] {
        try FileManager.default.subpathsOfDirectory(atPath: sources.path)
            .filter { path in suffixes.contains { path.hasSuffix($0) } }
            .map { ($0, try String(contentsOf: sources.appending(path: $0), encoding: .utf8)) }
    }

    @Test("SSRF: the engines have the client that reaches public addresses alone")
    func engines() throws {
        let whole = try String(contentsOf: Self.sources.appending(path: "Gateway/Composition.swift"), encoding: .utf8)
        #expect(whole.contains("AddressGuard(allowing: configuration.notificationAllowPrivate"))
        #expect(whole.contains("client: engines"))
        for (path, text) in try Self.files(".swift") where path.hasPrefix("Monitoring") {
            #expect(!text.contains("OutboundClient("), "\(path): a client is given, not made")
            #expect(!text.contains("import Transport"), "\(path): engines know no sockets")
        }
    }

    @Test("SSRF: no other client is opened in the gateway")
    func onlyOne() throws {
        let files = try Self.files(".swift", ".h", ".c")
        #expect(files.count > 100)
        for (file, text) in files {
            let folder = String(file.prefix { $0 != "/" })
            for rule in Self.rules where text.contains(rule.text) {
                #expect(rule.folders.contains(folder), "\(file) has \(rule.text): use OutboundClient")
            }
        }
    }
}
