import AgentLink
package import JSON
package import Logging
import Secrets
import Settings
import Storage
import Synchronization

/// The one door: every call of every tool, from MCP, REST or inside, goes through ``result(of:arguments:bytes:call:)``
/// (authorise → validate input → run → validate output → audit).
///
/// ```swift
/// let result = await registry.invoke("server.exec", arguments: ["server_id": 1, "cmd": "uptime"], call: call)
/// switch result {
/// case .success(let output): print(output.text)
/// case .failure(let failure): print(failure.message)
/// }
/// ```
package final class ToolRegistry: Sendable {
    private let tools: [String: RegisteredTool]
    /// As given at start, which is the order of every list.
    private let order: [String]
    /// The names by their spelling with underscores for dots.
    private let underscored: [String: String]
    private let gate: AccessGate
    private let live: LiveWork
    private let running = RunningCalls()
    private let audit: AuditLog
    private let logger: Logger

    /// - Parameter contracts: those that are known already.
    /// - Throws: ``ToolRegistryError`` for a schema that does not compile or a name given twice.
    package init(
        _ list: [any Tool], contracts: ToolContracts = ToolContracts(), gate: AccessGate, live: LiveWork,
        audit: AuditLog, logger: Logger
    ) throws(ToolRegistryError) {
        var tools: [String: RegisteredTool] = [:]
        for tool in list {
            let name = tool.definition.name
            guard tools[name] == nil else { throw .duplicateName(name) }
            tools[name] = try Self.registered(tool, contracts)
        }
        var underscored: [String: String] = [:]
        for name in tools.keys {
            let other = ToolNameStyle.underscored(name)
            guard other == name || tools[other] == nil, underscored.updateValue(name, forKey: other) == nil else {
                throw .duplicateName(other)
            }
        }
        self.underscored = underscored
        self.tools = tools
        self.order = list.map(\.definition.name)
        self.gate = gate
        self.live = live
        self.audit = audit
        self.logger = logger
    }

    private static func registered(
        _ tool: some Tool, _ contracts: ToolContracts
    ) throws(ToolRegistryError) -> RegisteredTool {
        let definition = tool.definition
        return try RegisteredTool(tool, contracts.contract(of: definition))
    }

    /// The tools that MCP shows under these toolsets, in the order of the list.
    package func exposed(toolsets: [String]) -> [ExposedTool] {
        order.compactMap { name in
            guard let tool = tools[name], case .mcp(let toolset) = tool.definition.exposure,
                toolsets.contains(toolset.rawValue)
            else { return nil }
            return ExposedTool(
                definition: tool.definition, inputSchema: tool.contract.inputSchema.document,
                outputSchema: ListResult.schema(tool.contract.outputSchema.document))
        }
    }

    /// Whether MCP may call the tool under these toolsets.
    package func isExposed(_ name: String, toolsets: [String]) -> Bool {
        guard case .mcp(let toolset)? = tools[name]?.definition.exposure else { return false }
        return toolsets.contains(toolset.rawValue)
    }

    /// Bytes of a name that is looked up; hashing a longer one could take long.
    private static let nameLimit = 64

    /// The tool that a caller of MCP means, who may write underscores for the dots of its name.
    /// - Returns: `nil` where MCP may not call it under these toolsets, or there is none.
    func exposedName(_ name: String, toolsets: [String]) -> String? {
        guard name.utf8.count <= Self.nameLimit else { return nil }
        let known = tools[name] == nil ? underscored[name] ?? name : name
        return isExposed(known, toolsets: toolsets) ? known : nil
    }

    /// Whether the tool's result is an array, which MCP shows as an object (``ListResult``).
    func givesList(_ name: String) -> Bool {
        tools[name].map { ListResult.isNeeded($0.contract.outputSchema.document) } ?? false
    }

    /// Whether the tool tells how far it is.
    func reportsProgress(_ name: String) -> Bool { tools[name]?.definition.reportsProgress ?? false }

    /// Every tool, in the order of the list, for documents and tests.
    package var definitions: [ToolDefinition] { order.compactMap { tools[$0]?.definition } }

    /// What has come of the calls of each tool since the start, in the order of the list.
    package var statistics: [(name: String, calls: CallStatistics.Snapshot)] {
        order.compactMap { name in tools[name].map { (name, $0.statistics.snapshot) } }
    }

    /// As ``result(of:arguments:bytes:call:)``, for whoever looks at the result.
    package func invoke(
        _ name: String, arguments: JSONValue, bytes: ArraySlice<UInt8>? = nil, call: ToolCall
    ) async -> Result<JSONValue, ToolFailure> {
        await result(of: name, arguments: arguments, bytes: bytes, call: call).flatMap { result in
            Result { () throws(ToolFailure) in try result.value() }
        }
    }

    /// Calls a tool and leaves one audit row, whatever comes of it.
    ///
    /// When the surrounding task is cancelled the call stops with cause `clientGone`.
    /// - Parameters:
    ///   - name: a registered tool; transports answer unknown names before they come here.
    ///   - arguments: an object; `null` counts as `{}`.
    ///   - bytes: the arguments as they were sent, for the audit's hash; `nil` hashes the value's own form.
    package func result(
        of name: String, arguments: JSONValue, bytes: ArraySlice<UInt8>? = nil, call: ToolCall
    ) async -> Result<ToolResult, ToolFailure> {
        guard let tool = tools[name] else {
            return .failure(.internalError("unknown tool: \(name)"))
        }
        let began = ContinuousClock.now
        let arguments = arguments == .null ? .object(JSONObject()) : arguments
        let found = FoundServer()
        let (result, auditText) = await pipeline(tool, arguments, call, found)
        record(
            result, of: tool, arguments, bytes, call, found, auditText: auditText, duration: began.duration(to: .now))
        return result
    }

    /// Leaves the audit row of a call that is over.
    ///
    /// A function of its own, as a task keeps room for all that a function uses which waits anywhere.
    @inline(never)
    private func record(
        _ result: Result<ToolResult, ToolFailure>, of tool: RegisteredTool, _ arguments: JSONValue,
        _ bytes: ArraySlice<UInt8>?, _ call: ToolCall, _ found: FoundServer, auditText: String?, duration: Duration
    ) {
        let name = tool.definition.name
        switch result {
        case .failure(.internalError(let detail)), .failure(.unencodable(let detail)):
            logger.error(
                "tool failed", metadata: ["tool": "\(name)", "request": "\(call.requestID)", "detail": "\(detail)"])
        default:
            break
        }
        tool.statistics.count(result.failure?.outcome ?? .ok, duration)
        guard call.leavesRow?(result.failure) ?? true else { return }
        audit.record(
            AuditEntry(
                tool: name, call: call, arguments: tool.recorded(arguments), serverID: found.id, argumentBytes: bytes,
                secretMembers: tool.contract.secretMembers, keptMembers: tool.contract.keptMembers,
                failure: result.failure,
                message: auditText,
                duration: duration, identifiesCaller: tool.definition.identifiesCaller))
    }

    /// - Returns: what the caller is told, and of a failure what only the audit row tells.
    private func pipeline(
        _ tool: RegisteredTool, _ arguments: JSONValue, _ call: ToolCall, _ found: FoundServer
    ) async -> (Result<ToolResult, ToolFailure>, auditText: String?) {
        do {
            guard case .object = arguments else {
                throw ToolFailure.invalidArguments("invalid arguments: must be an object")
            }
            let target = tool.definition.target
            try gate.checkAccess(tool.definition.access, call.principal)
            let checked = tool.checked(arguments, from: call.origin)
            if case .failure(let fault) = checked, fault.isFirst { throw fault.failure }
            let server = try gate.checkTarget(target, arguments, call.principal)
            let arguments = try checked.mapError(\.failure).get()
            if target == .agent { try await gate.checkVersion(target, server: server) }
            let result =
                tool.definition.isBrief
                ? try await runBriefly(tool, arguments, call) : try await runLive(tool, arguments, call, found)
            return (.success(result), nil)
        } catch let error as AnnotatedFailure {
            return (.failure(error.failure), error.auditText)
        } catch {
            if let error = error as? StorageError {
                logger.error(
                    "storage failed",
                    metadata: ["tool": "\(tool.definition.name)", "request": "\(call.requestID)", "detail": "\(error)"])
            }
            return (.failure(ToolFailure(error)), nil)
        }
    }

    /// Runs a tool that waits for nothing (``ToolDefinition/isBrief``).
    private func runBriefly(
        _ tool: RegisteredTool, _ arguments: JSONValue, _ call: ToolCall
    ) async throws -> ToolResult {
        if let stopped = call.nested?.cause() { throw ToolFailure.cancelled(stopped) }
        if !live.isCurrent(call.principal, origin: call.origin) {
            let refusal = await live.refusal(of: call.principal, origin: call.origin) {
                gate.allows(tool.definition, arguments, $0)
            }
            if let refusal { throw ToolFailure.cancelled(refusal) }
        }
        return try await tool.run(arguments, in: call)
    }

    /// Runs under the tool's deadline, registered as live work so that it can be stopped with a cause. Work that is
    /// refused while it registers never begins.
    private func runLive(
        _ tool: RegisteredTool, _ arguments: JSONValue, _ call: ToolCall, _ found: FoundServer
    ) async throws -> ToolResult {
        let user = call.nested == nil ? call.principal.user?.id : nil
        if let user, !running.admit(user, bytes: call.requestBytes) {
            throw ToolFailure.told(
                "too many calls of this user at once; wait until some have ended", .busy(retryAfterSeconds: 1))
        }
        defer { if let user { running.leave(user, bytes: call.requestBytes) } }
        let run = CancellableRun()
        let gate = self.gate
        var entry = LiveWork.Entry(
            principal: call.principal, origin: call.origin, subject: tool.definition.name, rpcID: call.rpcID,
            deadline: .now + tool.definition.deadline,
            isAllowed: { gate.allows(tool.definition, arguments, server: found.id, $0) }, cancel: { run.cancel($0) })
        entry.outer = call.nested?.outer
        let id = await live.begin(entry)
        defer { live.end(id) }
        if let refused = run.cause ?? call.nested?.cause() { throw ToolFailure.cancelled(refused) }
        let nested = NestedCalls(
            invoke: { await self.invoke($0, arguments: $1, call: $2) }, outer: id, cause: { run.cause })
        let targeting = ToolTargeting(found: found) { [live] server in
            try gate.checkServer(server, call.principal)
            await live.recheck(id)
            if let lost = run.cause { throw ToolFailure.cancelled(lost) }
        }
        let running = Task.immediate {
            var call = call
            call.nested = nested
            call.targeting = targeting
            return try await tool.run(arguments, in: call)
        }
        run.attach(running)
        let outcome = await withTaskCancellationHandler {
            await running.result
        } onCancel: {
            // An inner call ends because its outer one does.
            run.cancel(call.nested?.cause() ?? .clientGone)
        }
        switch outcome {
        case .success(let value): return value
        case .failure(is CancellationError): throw ToolFailure.cancelled(run.cause ?? .clientGone)
        case .failure(let work as AbandonedAgentWork):
            throw AnnotatedFailure(failure: work.failure(cause: run.cause), note: work.note)
        case .failure(let error):
            // A call that was told to stop may report the closed stream instead.
            if let known = run.cause, !(error is ToolFailure) { throw ToolFailure.cancelled(known) }
            throw error
        }
    }
}

/// What `tools/list` shows of one tool.
package struct ExposedTool: Sendable {
    package let definition: ToolDefinition
    package let inputSchema: JSONValue
    package let outputSchema: JSONValue
}

/// A running tool and why it was told to stop; the first cause wins.
private final class CancellableRun: Sendable {
    private let state = Mutex<(cause: CancellationCause?, task: Task<ToolResult, any Error>?)>((nil, nil))

    var cause: CancellationCause? { state.withLock { $0.cause } }

    func cancel(_ cause: CancellationCause) {
        let task = state.withLock { state in
            state.cause = state.cause ?? cause
            return state.task
        }
        task?.cancel()
    }

    /// The task may have been told to stop before it was there.
    func attach(_ task: Task<ToolResult, any Error>) {
        let isCancelled = state.withLock { state in
            state.task = task
            return state.cause != nil
        }
        if isCancelled { task.cancel() }
    }
}

extension Result {
    var failure: Failure? {
        guard case .failure(let failure) = self else { return nil }
        return failure
    }
}

extension ToolFailure {
    /// What an error that came out of a tool means to the caller.
    init(_ error: any Error) {
        switch error {
        case let failure as ToolFailure: self = failure
        case is CancellationError: self = .cancelled(.clientGone)
        case let error as AgentCallError: self = ToolFailure(error)
        // A few seconds of log-ins are waiting then.
        case SecretsError.busy: self = .busy(retryAfterSeconds: 5)
        case is StorageError: self = .database
        default: self = .internalError("\(type(of: error)): \(error)")
        }
    }

    init(_ error: AgentCallError) {
        switch error {
        case .offline: self = .serverOffline
        case .timeout: self = .agentTimeout
        case .payloadTooLarge(let bytes, let limit):
            self = .invalidArguments(
                "invalid arguments: the request takes \(bytes) bytes, an agent accepts \(limit); use fs.upload_url")
        case .tooManyStreams(let text), .streamExpired(let text): self = .rejected(Message(verbatim: text))
        case .streamRefused: self = .permissionDenied
        case .notAttached(let seconds): self = .agentError("agent did not attach within \(seconds)s")
        case .brokenStream(let text): self = .agentError(text)
        }
    }
}
