package import JSON

/// One capability: the unit that MCP exposes and REST routes call (CONTRIBUTING.md, Add a tool).
///
/// `Input` is decoded from arguments that have passed the input schema; `Output` is encoded and must pass the output
/// schema before anybody sees it.
///
/// ```swift
/// struct ServerNameTool: Tool {
///     let identity: IdentityCache
///
///     let definition = ToolDefinition(
///         name: "server.name", title: "Name of a server", description: "What a server is called.",
///         annotations: ToolAnnotations(readOnly: true, destructive: false, idempotent: true, openWorld: false),
///         access: .user([.serverRead]), target: .server, exposure: .internal,
///         inputSchema: SchemaSource(PackageResources.server_name_input_json),
///         outputSchema: SchemaSource(PackageResources.server_name_output_json))
///
///     struct Input: Decodable, Sendable { var server_id: Int64 }
///     struct Output: Encodable, Sendable { var name: String }
///
///     func run(_ input: Input, in call: ToolCall) async throws -> Output {
///         guard let server = identity.server(id: input.server_id) else { throw ToolFailure.serverOffline }
///         return Output(name: server.name)
///     }
/// }
/// ```
package protocol Tool: Sendable {
    associatedtype Input: Decodable & Sendable
    associatedtype Output: Encodable & Sendable

    var definition: ToolDefinition { get }

    /// Does the work. The registry has authorised and validated already; a tool checks only what depends on its data.
    /// - Throws: ``ToolFailure``; `CancellationError` when stopped. Errors of the storage and of the agent link may
    ///   pass through: the registry knows what they mean.
    func run(_ input: Input, in call: ToolCall) async throws -> Output

    /// The contract's text for an argument that broke the input schema; `nil` keeps the validator's own, behind
    /// "invalid arguments: ".
    func explain(_ violation: SchemaViolation, in arguments: JSONValue) -> String?
}

extension Tool {
    package func explain(_ violation: SchemaViolation, in arguments: JSONValue) -> String? { nil }
}

/// An `Input` without members.
package struct NoInput: Codable, Sendable {
    package init() {}
}

/// An `Output` without content: REST leaves out `data`, MCP shows `{}`.
package struct NoOutput: Codable, Sendable {
    package init() {}
}

/// What is known of a tool without running it; lists, documents and the pipeline read it.
package struct ToolDefinition: Sendable {
    /// Such as `server.exec`.
    package var name: String
    package var title: String
    /// For the language model or the reader of the OpenAPI document.
    package var description: String
    package var annotations: ToolAnnotations
    package var access: ToolAccess
    package var target: ToolTarget
    package var exposure: ToolExposure
    /// How long a call may take before it is stopped with cause ``CancellationCause/deadline``.
    package var deadline: Duration
    /// Whether calls tell how far they are (``ToolCall/progress``).
    package var reportsProgress: Bool
    /// Whether the tool answers from memory at once: it waits for nothing, is over before anybody could stop it, and so
    /// is not registered as live work. It may neither call other tools nor find its server by itself.
    package var isBrief: Bool
    /// Whether a caller who succeeds has proved who they are: their audit row is one that somebody answers for.
    package var identifiesCaller: Bool
    /// JSON pointers of arguments that are checked before the server is looked up (`mcp.md` 4.5 and 4.10).
    package var firstArguments: [String]
    package var inputSchema: SchemaSource
    package var outputSchema: SchemaSource

    package init(
        name: String, title: String, description: String, annotations: ToolAnnotations = .init(),
        access: ToolAccess, target: ToolTarget = .none, exposure: ToolExposure, deadline: Duration = .seconds(30),
        reportsProgress: Bool = false, isBrief: Bool = false, identifiesCaller: Bool = false,
        firstArguments: [String] = [],
        inputSchema: SchemaSource, outputSchema: SchemaSource
    ) {
        self.name = name
        self.title = title
        self.description = description
        self.annotations = annotations
        self.access = access
        self.target = target
        self.exposure = exposure
        self.deadline = deadline
        self.reportsProgress = reportsProgress
        self.isBrief = isBrief
        self.identifiesCaller = identifiesCaller
        self.firstArguments = firstArguments
        self.inputSchema = inputSchema
        self.outputSchema = outputSchema
    }
}

extension ToolDefinition {
    /// Whether arguments that the input schema does not name are left out before it is applied. Old callers of the ten
    /// tools and of REST rely on it, although the schemas of the ten say to new ones that there are no others
    /// (`mcp.md` 1.6 and 10.3 row 11). Everywhere else a misspelt name is told.
    package func ignoresUnknownArguments(from origin: ToolCall.Origin) -> Bool {
        switch exposure {
        case .mcp(let toolset): toolset == .core || origin == .rest
        case .internal: true
        }
    }
}

/// The bytes of a schema file under `schemas/tools`, embedded when the binary is built.
package struct SchemaSource: Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// A schema that was put together by the program.
    package init(document: JSONValue) { bytes = document.serialized() }

    /// The schema with the shapes that it refers to in their places (``SchemaShapes``).
    package func document() throws -> JSONValue { try SchemaShapes.resolve(JSONParser.parse(bytes)) }
}

/// Hints of the MCP specification (`mcp.md` 10.3 row 6); `nil` = not said.
package struct ToolAnnotations: Sendable, Hashable {
    package var readOnly: Bool?
    package var destructive: Bool?
    package var idempotent: Bool?
    package var openWorld: Bool?

    package init(readOnly: Bool? = nil, destructive: Bool? = nil, idempotent: Bool? = nil, openWorld: Bool? = nil) {
        self.readOnly = readOnly
        self.destructive = destructive
        self.idempotent = idempotent
        self.openWorld = openWorld
    }
}

/// Who may call (`rest.md` 3, auth classes).
package enum ToolAccess: Sendable, Hashable {
    /// Everybody; rights are not asked.
    case open
    /// Guests unless `force_auth`; tokens need the scope, or the other one where there is one.
    case guest(Scope, or: Scope? = nil)
    /// Any log-in; tokens need every one of these scopes (none listed: any valid token).
    case user([Scope])
    /// Log-ins only, no tokens.
    case sessionOnly
    /// Administrators; tokens need `nezha:admin:*` besides.
    case administrator

    /// What a token needs above all; `nil` where any will do, or none.
    var firstScope: Scope? {
        switch self {
        case .user(let scopes): scopes.first
        case .guest(let scope, _): scope
        case .administrator: .admin
        case .open, .sessionOnly: nil
        }
    }
}

/// Whether the arguments name one server that the caller must own and the token must list.
package enum ToolTarget: Sendable, Hashable {
    case none
    /// Argument `server_id`.
    case server
    /// Argument `server_id`, and the agent must be at least v2.1.0 (`mcp.md` 4.1).
    case agent
}

/// Where a tool can be called from.
package enum ToolExposure: Sendable, Hashable {
    /// On `POST /mcp` when the toolset is enabled, and internally.
    case mcp(toolset: Toolset)
    /// Only by adapters inside the program.
    case `internal`
}
