// swift-tools-version: 6.2
import PackageDescription

/// Language rules that every target follows; with CI=true warnings are errors. Tests have no others: they call C as they
/// like, because what their macros expand to cannot be marked.
let testSettings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ] + (Context.environment["CI"] == "true" ? [.treatAllWarnings(as: .error)] : [])

/// What else the programs follow.
let settings: [SwiftSetting] = testSettings + [.strictMemorySafety()]

// Debian's C libraries, each behind a module map (docs/ground.md says why each).
let system: [Target] = [
    .systemLibrary(
        name: "CCrypt", path: "Sources/System/CCrypt", pkgConfig: "libcrypt",
        providers: [.apt(["libcrypt-dev"])]),
    .systemLibrary(
        name: "CMinizip", path: "Sources/System/CMinizip", pkgConfig: "minizip",
        providers: [.apt(["libminizip-dev"])]),
    .systemLibrary(
        name: "CIDN2", path: "Sources/System/CIDN2", pkgConfig: "libidn2", providers: [.apt(["libidn2-dev"])]),
    .systemLibrary(
        name: "CMaxMindDB", path: "Sources/System/CMaxMindDB", pkgConfig: "libmaxminddb",
        providers: [.apt(["libmaxminddb-dev"])]),
    .systemLibrary(
        name: "CNghttp2", path: "Sources/System/CNghttp2", pkgConfig: "libnghttp2",
        providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(
        name: "COpenSSL", path: "Sources/System/COpenSSL", pkgConfig: "libssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
        name: "CProtobufC", path: "Sources/System/CProtobufC", pkgConfig: "libprotobuf-c",
        providers: [.apt(["libprotobuf-c-dev"])]),
    .systemLibrary(
        name: "CSQLite", path: "Sources/System/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(
        name: "CSodium", path: "Sources/System/CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    .systemLibrary(name: "CUV", path: "Sources/System/CUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
    .systemLibrary(
        name: "CZstd", path: "Sources/System/CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(
        name: "CYAML", path: "Sources/System/CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
]

/// A library of ours: its name, and what it stands on.
func library(
    _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [], resources: [Resource]? = nil
) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: settings)
}

func program(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies, exclude: exclude,
        swiftSettings: testSettings)
}

// Arrows point upwards only.
let libraries: [Target] = [
    // System calls whose C declarations are macros or variadic, which Swift does not import.
    .target(name: "CLinux"),
    // libcurl, loaded when it is asked for the first time.
    .target(name: "CCurl"),
    // Made from nezha.proto by scripts/generate-proto.
    .target(name: "CNezhaProto", dependencies: ["CProtobufC"]),
    // Threads, files, addresses and texts, for whoever stands above the C library.
    library("Primitives", ["CLinux"]),
    library("Logging", ["Primitives"]),
    library("Secrets", ["CCrypt", "CSodium", "COpenSSL", "Primitives"]),
    library("Arguments"),
    library("JSON"),
    library("Texts"),
    library("TimeZones"),
    library("YAML", ["CYAML"]),
    library("DomainNames", ["CIDN2"]),
    library("GeoIP", ["CMaxMindDB", "Logging", "Primitives"]),
    library("Settings", ["DomainNames", "Primitives"]),
    library("Transport", ["CLinux", "COpenSSL", "CUV", "Logging", "Primitives"]),
    library("HTTP", ["CNghttp2", "Logging", "Primitives", "Secrets", "Transport"]),
    library("GRPC", ["HTTP", "Primitives", "Transport"]),
    library(
        "FrontEnds",
        ["CLinux", "CMinizip", "HTTP", "JSON", "Primitives", "Settings", "Transport"]),
    library("Outbound", ["CCurl", "HTTP", "Primitives", "Transport"]),
    library("Storage", ["CSQLite", "Logging", "Primitives"]),
    library(
        "AgentLink",
        ["CLinux", "CNezhaProto", "CProtobufC", "GRPC", "HTTP", "JSON", "Logging", "Primitives", "Transport"],
        exclude: ["Wire/Proto/nezha.proto"]),
    library(
        "Monitoring",
        [
            "AgentLink", "CZstd", "DomainNames", "HTTP", "JSON", "Logging", "Outbound", "Primitives", "Secrets",
            "Settings", "Storage", "Texts", "TimeZones",
        ]),
    // Schemas is a link to schemas/tools, so that every schema file is a constant of the binary.
    library(
        "MCPServer",
        [
            "AgentLink", "DomainNames", "HTTP", "JSON", "Logging", "Primitives", "Secrets", "Settings", "Storage",
            "Texts",
            "TimeZones",
        ],
        resources: [.embedInCode("Schemas"), .embedInCode("Shapes")]),
    library(
        "RESTAdapter",
        ["HTTP", "JSON", "MCPServer", "Primitives", "Secrets", "Settings", "Storage", "Texts"],
        // The page that shows the OpenAPI document.
        resources: [.embedInCode("OpenAPI/Page")]),
    // Schemas are links to folders of schemas, as everywhere.
    library(
        "OAuth2",
        [
            "HTTP", "JSON", "Logging", "MCPServer", "Outbound", "Primitives", "RESTAdapter", "Secrets", "Settings",
            "Storage",
        ],
        resources: [.embedInCode("Schemas")]),
    library(
        "MonitoringTools",
        [
            "AgentLink", "HTTP", "MCPServer", "Monitoring", "Outbound", "Primitives", "RESTAdapter", "Settings",
            "Storage", "Texts", "TimeZones",
        ],
        resources: [.embedInCode("Schemas")]),
    library(
        "GatewayServer",
        [
            "AgentLink", "GRPC", "HTTP", "JSON", "Logging", "MCPServer", "Primitives", "Secrets", "Settings",
            "Storage", "TimeZones", "Transport", "YAML",
        ]),
    library(
        "AgentRuntime",
        ["AgentLink", "CLinux", "GRPC", "HTTP", "JSON", "Logging", "Primitives", "Secrets", "Transport", "YAML"]),
]

let programs: [Target] = [
    program(
        "Gateway",
        [
            "AgentLink", "Arguments", "FrontEnds", "GatewayServer", "GeoIP", "HTTP", "JSON", "Logging", "MCPServer",
            "Monitoring", "MonitoringTools", "OAuth2", "Outbound", "Primitives", "RESTAdapter", "Secrets", "Settings",
            "Storage",
            "TimeZones", "Transport",
        ]),
    program("Agent", ["AgentLink", "AgentRuntime", "Arguments", "Logging", "Primitives", "Transport"]),
    // The crowd of bench/agents.
    program("agents-load", ["Arguments", "CLinux", "Transport"], path: "bench/agents-load"),
    // The yardstick of bench/tools-call: our listener and nothing behind it.
    program("BenchRoute", ["HTTP", "Logging", "Transport"], path: "bench/BenchRoute"),
    // bench/metrics: the embedded store beside VictoriaMetrics.
    program(
        "BenchMetrics", ["HTTP", "Logging", "Monitoring", "Outbound", "Settings", "Storage"], path: "bench/BenchMetrics"
    ),
    // bench/schema: what validation costs a call.
    program(
        "BenchSchema", ["AgentLink", "HTTP", "JSON", "Logging", "MCPServer", "Secrets", "Settings", "Storage"],
        path: "bench/BenchSchema"),
]

let testTargets: [Target] = [
    // What several test targets need.
    .target(
        name: "TestSupport", dependencies: ["HTTP", "Logging", "Settings", "Transport"], path: "Tests/TestSupport",
        swiftSettings: testSettings),
    // Inputs for what reads the wire, made from corpora.
    .target(name: "FuzzSupport", path: "Tests/FuzzSupport", swiftSettings: testSettings),
    tests("Primitives"),
    tests("Logging", ["TestSupport"]),
    tests("Secrets"),
    tests("Arguments"),
    tests("JSON"),
    tests("Texts"),
    tests("TimeZones"),
    tests("DomainNames"),
    tests("GeoIP", ["Logging", "Primitives", "TestSupport"]),
    tests("YAML", ["FuzzSupport"]),
    tests("Transport", ["CLinux", "COpenSSL", "Logging", "TestSupport"]),
    tests("HTTP", ["FuzzSupport", "Logging", "TestSupport", "Transport"]),
    tests("GRPC", ["FuzzSupport", "HTTP", "TestSupport", "Transport"]),
    tests("FrontEnds", ["HTTP", "Settings"]),
    tests("OAuth2", ["JSON", "Outbound", "Primitives", "Secrets", "Settings", "TestSupport", "Transport"]),
    tests("Outbound", ["HTTP", "TestSupport", "Transport"]),
    tests("Storage", ["Logging", "Primitives"]),
    tests(
        "Monitoring",
        [
            "AgentLink", "HTTP", "JSON", "Outbound", "Primitives", "Settings", "Storage", "TestSupport", "Texts",
            "TimeZones", "Transport",
        ]),
    tests(
        "AgentLink",
        ["FuzzSupport", "GRPC", "HTTP", "JSON", "Logging", "Primitives", "TestSupport", "Transport"]),
    tests(
        "MCPServer",
        [
            "AgentLink", "FuzzSupport", "HTTP", "JSON", "Logging", "Primitives", "Secrets", "Settings", "Storage",
            "TestSupport",
        ],
        exclude: ["FuzzCorpus"]
    ),
    tests(
        "RESTAdapter",
        ["AgentLink", "HTTP", "JSON", "MCPServer", "Secrets", "Settings", "Storage", "TestSupport"]),
    tests(
        "GatewayServer",
        [
            "AgentLink", "GRPC", "HTTP", "JSON", "Logging", "MCPServer", "Settings", "Storage", "TestSupport",
            "Transport",
        ]),
    tests(
        "AgentRuntime",
        ["AgentLink", "GRPC", "HTTP", "Logging", "Primitives", "Secrets", "TestSupport", "Transport", "YAML"]),
]

/// NEZHA_TARGETS="Logging Transport" leaves only these, what they stand on and their tests: for sanitizers, and while
/// something else does not build.
func chosen(_ all: [Target]) -> [Target] {
    guard let names = Context.environment["NEZHA_TARGETS"]?.split(separator: " ").map(String.init) else { return all }
    var wanted = Set(names + names.map { "\($0)Tests" })
    for target in all.reversed() where wanted.contains(target.name) {
        for case .byNameItem(let name, _) in target.dependencies { wanted.insert(name) }
        for case .targetItem(let name, _) in target.dependencies { wanted.insert(name) }
    }
    return all.filter { wanted.contains($0.name) }
}

let targets = chosen(system + libraries + programs + testTargets)

let package = Package(
    name: "nezha-gateway",
    products: [("nezha-gateway", "Gateway"), ("nezha-agent", "Agent")].filter { product in
        targets.contains { $0.name == product.1 }
    }.map { .executable(name: $0.0, targets: [$0.1]) },
    targets: targets,
    swiftLanguageModes: [.v6]
)
