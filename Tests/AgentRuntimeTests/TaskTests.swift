import AgentLink
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import AgentRuntime

@Suite("Gates")
struct GateTests {
    enum Look: Equatable {
        case open, silence, refusedText, refusedJSON, streamError
    }

    func look(_ type: AgentTaskType, _ configuration: AgentConfiguration) -> Look {
        switch TaskGates.refusal(of: type, configuration) {
        case nil: .open
        case .silence: .silence
        case .reply(_, successful: false): .refusedText
        case .reply(let data, successful: true): data.contains(#""error":"agent disabled "#) ? .refusedJSON : .open
        case .streamError: .streamError
        }
    }

    @Test("each switch closes its tasks and no other, in the way of each task")
    func table() {
        var (commands, queries, tunnels, updates) = (
            AgentConfiguration(), AgentConfiguration(), AgentConfiguration(), AgentConfiguration()
        )
        commands.disableCommandExecute = true
        queries.disableSendQuery = true
        tunnels.disableNAT = true
        updates.disableForceUpdate = true
        let table: [AgentTaskType: (AgentConfiguration, Look)] = [
            .httpGet: (queries, .refusedText), .icmpPing: (queries, .refusedText), .tcpPing: (queries, .refusedText),
            .command: (commands, .refusedText), .upgrade: (updates, .refusedText), .terminal: (commands, .silence),
            .nat: (tunnels, .silence), .fileManager: (commands, .silence), .reportConfig: (commands, .refusedText),
            .applyConfig: (commands, .refusedText), .serverTransferApply: (commands, .refusedText),
            .exec: (commands, .refusedJSON), .fsList: (commands, .refusedJSON), .fsRead: (commands, .refusedJSON),
            .fsWrite: (commands, .refusedJSON), .fsDelete: (commands, .refusedJSON),
            .fsTransfer: (commands, .streamError),
        ]
        for type in AgentTaskType.allCases {
            for configuration in [commands, queries, tunnels, updates, AgentConfiguration()] {
                let expected = table[type].flatMap { $0.0 == configuration ? $0.1 : nil } ?? .open
                #expect(look(type, configuration) == expected, "\(type)")
            }
        }
    }

    @Test("the texts that dashboards know")
    func texts() {
        var configuration = AgentConfiguration()
        configuration.disableCommandExecute = true
        configuration.disableSendQuery = true
        guard case .reply(let query, _) = TaskGates.refusal(of: .tcpPing, configuration),
            case .reply(let exec, _) = TaskGates.refusal(of: .exec, configuration)
        else {
            Issue.record("not refused")
            return
        }
        #expect(query == "This server has disabled query sending")
        #expect(
            exec
                == #"{"duration_ms":0,"error":"agent disabled command execution","exit_code":0,"stderr":"","stdout":""}"#
        )
        #expect(TaskGates.refusal(of: .fsTransfer, configuration) == .streamError("agent disabled file operations"))
    }
}

/// Gives each opened stream to the test.
struct MemoryOpener: StreamOpening {
    let opened = BoundedMailbox<(String, MemoryStream)>(maxCount: 8)

    func open(
        _ id: String, limit: Duration?, _ body: @escaping @Sendable (any FrameStream) async throws -> Void
    ) async throws {
        let stream = MemoryStream()
        try await opened.send((id, stream))
        defer { stream.fromAgent.finish() }
        try await body(stream)
    }
}

@Suite("Dispatcher", .timeLimit(.minutes(5)))
struct DispatcherTests {
    let folder = TemporaryFolder()
    let context: AgentContext
    let results = BoundedMailbox<AgentTaskResult>(maxCount: 64)
    let opener = MemoryOpener()
    let dispatcher: TaskDispatcher
    let streamJobs = JobQueue()

    init() throws {
        let path = folder.file("config.yml", ConfigurationTests.base)
        let file = ConfigurationFile(path: path)
        context = AgentContext(
            configuration: try file.load(environment: [:]), file: file, environment: ["PATH": "/usr/bin:/bin"],
            logger: quiet, reloadDelay: .milliseconds(50))
        dispatcher = TaskDispatcher(context: context, streams: opener, results: results, streamJobs: streamJobs)
    }

    /// Runs the queues of the agent around `body`.
    func running(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await context.oneShots.run() }
            group.addTask { await streamJobs.run() }
            try await body()
            group.cancelAll()
        }
    }

    func result() async throws -> AgentTaskResult {
        try await withDeadline(.seconds(10)) { try #require(try await results.next()) }
    }

    func ask(_ type: AgentTaskType, _ data: String, id: UInt64 = 7) async throws -> AgentTaskResult {
        await dispatcher.dispatch(AgentTask(id: id, type: type, data: data))
        return try await result()
    }

    @Test("results carry the id and the type of their task")
    func results() async throws {
        try await running { () async throws in
            let keepalive = try await ask(.keepalive, "", id: 0)
            #expect(keepalive.type == 7)
            #expect(keepalive.id == 0)
            #expect(!keepalive.successful)
            let exec = try await ask(.exec, #"{"cmd":"true"}"#, id: 1 << 33)
            #expect(exec.id == 1 << 33)
            #expect(exec.type == 15)
            #expect(exec.successful)
            let upgrade = try await ask(.upgrade, "")
            #expect(!upgrade.successful)
            #expect(upgrade.data.contains("does not replace itself"))
        }
    }

    @Test("while nobody takes results no more are made than may wait, and then all come")
    func budget() async throws {
        let limit = 1 << 20
        let budget = ByteBudget(limit: limit)
        let context = AgentContext(
            configuration: context.configuration.value, file: ConfigurationFile(path: folder.file("config.yml")),
            environment: context.environment, logger: quiet, budget: budget)
        let results = BoundedMailbox<AgentTaskResult>(maxCount: 1)
        let dispatcher = TaskDispatcher(context: context, streams: opener, results: results, streamJobs: streamJobs)
        let path = folder.file("large", String(repeating: "a", count: 300_000))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await context.oneShots.run() }
            group.addTask {
                for id in 1...200 as ClosedRange<UInt64> {
                    let body = #"{"path":"\#(path)","length":300000}"#
                    await dispatcher.dispatch(AgentTask(id: id, type: .fsRead, data: body))
                }
            }
            #expect(await eventually { budget.used >= limit })
            var before = -1
            while budget.used != before {
                before = budget.used
                try await Task.sleep(for: .milliseconds(500))
            }
            // All together they would be sixty million bytes.
            #expect(budget.used < limit + 33 * 310_000)
            for _ in 0..<200 { #expect(try await withDeadline(.seconds(60)) { try await results.next() } != nil) }
            #expect(await eventually { budget.used == 0 })
            group.cancelAll()
        }
    }

    @Test("unknown types, the old terminal and a deprecated task have no result")
    func unknown() async throws {
        try await running { () async throws in
            for type: UInt64 in [0, 5, 10, 21, 9999, .max] {
                await dispatcher.dispatch(AgentTask(id: 0, type: type, data: ""))
            }
            #expect(try await ask(.keepalive, "").type == 7)
        }
    }

    @Test("a cancel right behind its task stops it, and it has no result")
    func cancel() async throws {
        try await running { () async throws in
            let mark = folder.file("ran")
            await dispatcher.dispatch(
                AgentTask(
                    id: 9, type: .exec, data: ExecTask(cmd: "sh", args: ["-c", "sleep 1; touch \(mark)"]).jsonText()))
            await dispatcher.dispatch(AgentTask(id: 0, type: .cancel, data: #"{"id":9}"#))
            // Unknown ids, id 0 and nonsense are ignored.
            for data in [#"{"id":12345}"#, #"{"id":0}"#, "nonsense"] {
                await dispatcher.dispatch(AgentTask(id: 0, type: .cancel, data: data))
            }
            #expect(try await ask(.exec, #"{"cmd":"sleep","args":["1.3"]}"#, id: 10).id == 10)
            #expect(contents(mark) == nil)
        }
    }

    @Test("a cancelled upload ends its stream and removes the temporary file")
    func cancelTransfer() async throws {
        try await running { () async throws in
            let task = FsTransferTask(streamID: "s", operation: .upload, path: folder.file("up"), size: 1000)
            await dispatcher.dispatch(AgentTask(id: 11, type: .fsTransfer, data: task.jsonText()))
            let (id, stream) = try #require(try await opener.opened.next())
            #expect(id == "s")
            #expect(try TransferFrame(try await stream.next()) == .uploadReady(size: 1000))
            await dispatcher.dispatch(AgentTask(id: 0, type: .cancel, data: #"{"id":11}"#))
            #expect(await eventually { folder.names == ["config.yml"] })
        }
    }

    @Test("a disabled transfer opens its stream and says so there")
    func disabledTransfer() async throws {
        var configuration = context.configuration.value
        configuration.disableCommandExecute = true
        context.configuration.replace(configuration)
        try await running { () async throws in
            let task = FsTransferTask(streamID: "s", operation: .download, path: "/etc/hostname")
            await dispatcher.dispatch(AgentTask(id: 12, type: .fsTransfer, data: task.jsonText()))
            let (_, stream) = try #require(try await opener.opened.next())
            #expect(try TransferFrame(try await stream.next()) == .error("agent disabled file operations"))
        }
    }

    @Test("configuration: report, apply, and what is refused meanwhile")
    func configuration() async throws {
        let changed = Signal()
        try await running { () async throws in
            #expect(try await ask(.reportConfig, "").data.contains(#""client_secret":"canary-secret""#))
            let refused = try await ask(.applyConfig, #"{"client_secret":"other"}"#)
            #expect(!refused.successful)
            #expect(!refused.data.contains("canary"))
            #expect(try await ask(.applyConfig, #"{"report_delay":1}"#).successful)
            #expect(try await ask(.reportConfig, "").data == "another reload is in process")
            // A later change replaces one that waits.
            #expect(try await ask(.applyConfig, #"{"report_delay":2}"#).successful)
            let reload = Task { await context.reload.run { changed.fire() } }
            #expect(await eventually { context.configuration.value.reportDelay == 2 })
            await changed.wait()
            #expect(contents(folder.file("config.yml"))?.contains("report_delay: 2") == true)
            reload.cancel()
        }
    }

    @Test("a server transfer needs TLS and a secret of 32 letters and digits, and blocks task 13")
    func transferApply() async throws {
        let secret = String(repeating: "aB3z", count: 8)
        try await running { () async throws in
            for bad in [
                #"{"client_secret":"\#(secret)"}"#, #"{"tls":true,"client_secret":"short"}"#,
                #"{"tls":true,"insecure_tls":true,"client_secret":"\#(secret)"}"#, "{}",
            ] {
                #expect(try await ask(.serverTransferApply, bad).successful == false)
            }
            #expect(try await ask(.serverTransferApply, #"{"tls":true,"client_secret":"\#(secret)"}"#).successful)
            #expect(try await ask(.applyConfig, #"{"debug":true}"#).data == "another reload is in process")
            let reload = Task { await context.reload.run {} }
            #expect(await eventually { context.configuration.value.clientSecret == secret })
            reload.cancel()
        }
    }

    @Test("a terminal and a file manager open the stream they were told")
    func streams() async throws {
        try await running { () async throws in
            await dispatcher.dispatch(AgentTask(id: 13, type: .fileManager, data: #"{"StreamID":"fm-1"}"#))
            let (id, stream) = try #require(try await opener.opened.next())
            #expect(id == "fm-1")
            try await stream.toAgent.send(FileManagerCommand.list(path: folder.path).bytes)
            #expect(try await stream.next().starts(with: Array("NZFN".utf8)))
            stream.toAgent.finish()
            for data in [#"{"StreamID":""}"#, "{", "[]"] {
                await dispatcher.dispatch(AgentTask(id: 14, type: .terminal, data: data))
            }
            #expect(try await ask(.keepalive, "").type == 7)
        }
    }
}

@Suite("Reconnecting")
struct ReconnectTests {
    @Test("about the base after a connection, longer while none comes, at most six times")
    func delays() {
        var delay = ReconnectDelay(base: .seconds(10))
        #expect(delay.next(afterSuccess: true, jitter: 0.5) == .seconds(10))
        #expect(delay.next(afterSuccess: false, jitter: 0) == .seconds(8))
        #expect(abs(delay.next(afterSuccess: false, jitter: 1).milliseconds - 24_000) < 1)
        for _ in 0..<20 { _ = delay.next(afterSuccess: false, jitter: 0.5) }
        #expect(abs(delay.next(afterSuccess: false, jitter: 1).milliseconds - 72_000) < 1)
        #expect(delay.next(afterSuccess: true, jitter: 0) == .seconds(8))
    }
}
