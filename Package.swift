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
    // Made from nezha.proto by scripts/generate-proto.
    .target(name: "CNezhaProto", dependencies: ["CProtobufC"]),
    library("Logging"),
    library("Secrets", ["CSodium", "COpenSSL"]),
    library("Arguments"),
    library("TimeZones"),
    library("YAML", ["CYAML"]),
    library("Transport", ["CLinux", "COpenSSL", "CUV", "Logging"]),
    library("HTTP", ["CNghttp2", "Logging", "Secrets", "Transport"]),
    library("GRPC", ["HTTP", "Logging", "Transport"]),
    library("Storage", ["CSQLite", "Logging"]),
    library(
        "AgentLink", ["CLinux", "CNezhaProto", "CProtobufC", "GRPC", "HTTP", "Logging", "Transport"],
        exclude: ["Wire/Proto/nezha.proto"]),
    // Schemas is a link to schemas/tools, so that every schema file is a constant of the binary.
    library(
        "MCPServer", ["AgentLink", "HTTP", "Logging", "Secrets", "Storage"], resources: [.embedInCode("Schemas")]),
    library("RESTAdapter", ["AgentLink", "HTTP", "Logging", "MCPServer", "Secrets", "Storage"]),
    library(
        "GatewayServer",
        [
            "AgentLink", "CLinux", "GRPC", "HTTP", "Logging", "MCPServer", "Secrets", "Storage", "TimeZones",
            "Transport",
            "YAML",
        ]),
    library("AgentRuntime", ["AgentLink", "CLinux", "GRPC", "HTTP", "Logging", "Secrets", "Transport", "YAML"]),
]

let programs: [Target] = [
    program(
        "Gateway",
        [
            "AgentLink", "Arguments", "GatewayServer", "GRPC", "HTTP", "Logging", "MCPServer", "RESTAdapter", "Secrets",
            "Storage", "Transport",
        ]),
    program("Agent", ["AgentLink", "AgentRuntime", "Arguments", "Logging", "Transport"]),
    // The crowd of bench/agents.
    program("agents-load", ["Arguments", "CLinux", "Transport"], path: "bench/agents-load"),
    // The yardstick of bench/tools-call: our listener and nothing behind it.
    program("BenchRoute", ["HTTP", "Logging", "Transport"], path: "bench/BenchRoute"),
    // bench/schema: what validation costs a call.
    program(
        "BenchSchema", ["AgentLink", "HTTP", "Logging", "MCPServer", "Secrets", "Storage"], path: "bench/BenchSchema"),
]

let testTargets: [Target] = [
    // What several test targets need.
    .target(
        name: "TestSupport", dependencies: ["HTTP", "Logging", "Transport"], path: "Tests/TestSupport",
        swiftSettings: testSettings),
    // Inputs for what reads the wire, made from corpora.
    .target(name: "FuzzSupport", path: "Tests/FuzzSupport", swiftSettings: testSettings),
    tests("Logging"),
    tests("Secrets"),
    tests("Arguments"),
    tests("TimeZones"),
    tests("YAML", ["FuzzSupport"]),
    tests("Transport"),
    tests("HTTP", ["CNghttp2", "FuzzSupport", "Logging", "TestSupport", "Transport"]),
    tests("GRPC", ["FuzzSupport", "HTTP", "Logging", "TestSupport", "Transport"]),
    tests("Storage", ["CSQLite", "Logging"]),
    tests("AgentLink", ["CNezhaProto", "FuzzSupport", "GRPC", "HTTP", "Logging", "Transport"]),
    tests("MCPServer", ["AgentLink", "HTTP", "Logging", "Secrets", "Storage"], exclude: ["FuzzCorpus"]),
    tests("RESTAdapter", ["AgentLink", "HTTP", "Logging", "MCPServer", "Secrets", "Storage"]),
    tests(
        "GatewayServer", ["AgentLink", "GRPC", "HTTP", "Logging", "MCPServer", "Storage", "TestSupport", "Transport"]),
    tests("AgentRuntime", ["AgentLink", "GRPC", "HTTP", "Logging", "Secrets", "TestSupport", "Transport", "YAML"]),
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
    platforms: [.macOS("26.0")],
    products: [("nezha-gateway", "Gateway"), ("nezha-agent", "Agent")].filter { product in
        targets.contains { $0.name == product.1 }
    }.map { .executable(name: $0.0, targets: [$0.1]) },
    targets: targets,
    swiftLanguageModes: [.v6]
)
