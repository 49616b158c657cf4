import AgentLink
import Logging

/// Sends each task of one connection where it is done (`agent-link.md` 2).
struct TaskDispatcher: Sendable {
    let context: AgentContext
    let streams: any StreamOpening
    /// To the one writer of the task stream. Results that come after its end are dropped.
    let results: BoundedMailbox<AgentTaskResult>
    /// Work that ends with the connection.
    let streamJobs: JobQueue

    /// What a task takes besides its own bytes.
    private static let taskBytes = 4096

    /// Called by the reader for each task in the order they came. Returns soon: whatever takes time runs on its own,
    /// but for configuration tasks, whose order counts. While tasks hold too much it waits, and so does the gateway.
    func dispatch(_ task: AgentTask) async {
        guard let type = AgentTaskType(rawValue: task.type) else {
            context.logger.info("task of an unknown type ignored", metadata: ["type": "\(task.type)"])
            return
        }
        if let refusal = TaskGates.refusal(of: type, context.configuration.value) {
            context.logger.notice("task refused by configuration", metadata: ["type": "\(type)"])
            return await refuse(task, type, refusal)
        }
        switch type {
        case .keepalive:
            await reply(task, type, AgentTaskReply(data: "", successful: false))
        case .cancel:
            if let target = try? CancelTask(json: task.data), target.id != 0 { context.running.cancel(target.id) }
        case .reportConfig:
            await reply(task, type, await context.reload.report())
        case .applyConfig:
            await reply(task, type, await context.reload.apply(task.data))
        case .serverTransferApply:
            await reply(task, type, await context.reload.applyTransfer(task.data))
        case .terminal, .nat, .fileManager, .fsTransfer:
            await start(task, on: streamJobs) {
                await StreamTasks(context: context, streams: streams).run(type, task.data)
            }
        case .upgrade, .httpGet, .icmpPing, .tcpPing, .command, .exec, .fsList, .fsRead, .fsWrite, .fsDelete:
            let budget = context.budget
            let held = task.data.utf8.count + Self.taskBytes
            await budget.enter(held)
            let isStarted = await start(task, on: context.oneShots) {
                await answer(task, type)
                budget.leave(held)
            }
            if !isStarted { budget.leave(held) }
        }
    }

    private func answer(_ task: AgentTask, _ type: AgentTaskType) async {
        let turns = type.isOfFiles ? context.fileTurns : nil
        await turns?.enter(1)
        // Results that wait come first.
        await context.budget.enter(0)
        let answer = await OneShotTasks.run(
            type, task.data, environment: context.environment, logger: context.logger)
        let size = answer?.data.utf8.count ?? 0
        context.budget.add(size)
        turns?.leave(1)
        if let answer { await reply(task, type, answer) }
        context.budget.leave(size)
    }

    /// Registers the task here, in the reader, so that a cancel right behind it finds it.
    /// - Returns: whether it will be done; not when the connection has ended meanwhile.
    @discardableResult
    private func start(
        _ task: AgentTask, on queue: JobQueue, _ work: @escaping @Sendable () async -> Void
    ) async -> Bool {
        let signal = context.running.register(task.id)
        return await queue.add {
            await withCancellation(by: signal, work)
            context.running.remove(task.id, signal)
        }
    }

    private func refuse(_ task: AgentTask, _ type: AgentTaskType, _ refusal: TaskGates.Refusal) async {
        switch refusal {
        case .silence: break
        case .reply(let data, let successful):
            await reply(task, type, AgentTaskReply(data: data, successful: successful))
        case .streamError(let text):
            guard let request = try? FsTransferTask(json: task.data), !request.streamID.isEmpty else { return }
            await streamJobs.add {
                try? await streams.open(request.streamID, limit: .seconds(30)) { stream in
                    try await stream.send(TransferFrame.error(text).bytes)
                }
            }
        }
    }

    private func reply(_ task: AgentTask, _ type: AgentTaskType, _ answer: AgentTaskReply) async {
        try? await results.send(
            AgentTaskResult(id: task.id, type: type.rawValue, reply: answer), cost: answer.data.utf8.count)
    }
}

extension AgentTaskType {
    fileprivate var isOfFiles: Bool {
        switch self {
        case .fsList, .fsRead, .fsWrite, .fsDelete: true
        default: false
        }
    }
}

/// Tasks that end by themselves with one answer.
enum OneShotTasks {
    /// - Returns: `nil` when the task was cancelled.
    static func run(
        _ type: AgentTaskType, _ data: String, environment: [String: String], logger: Logger? = nil
    ) async -> AgentTaskReply? {
        switch type {
        case .exec: await ExecTaskRunner.run(data, environment: environment, logger: logger)
        case .fsList, .fsRead, .fsWrite, .fsDelete: await FileTaskRunner.run(type, data, logger: logger)
        case .command: await CommandTaskRunner.run(data, environment: environment)
        case .httpGet: await HTTPProbe.run(data)
        case .tcpPing: await TCPProbe.run(data)
        case .icmpPing: await ICMPProbe.run(data)
        case .upgrade:
            AgentTaskReply(
                data: "this agent does not replace itself; install the new version with the means of its machine",
                successful: false)
        default: nil
        }
    }
}

/// Tasks that open an IOStream and have no answer of their own.
struct StreamTasks: Sendable {
    let context: AgentContext
    let streams: any StreamOpening

    func run(_ type: AgentTaskType, _ data: String) async {
        do {
            switch type {
            case .terminal: try await terminal(StreamTask(json: data))
            case .fileManager: try await fileManager(StreamTask(json: data))
            case .nat: try await nat(NATTask(json: data))
            case .fsTransfer: try await transfer(FsTransferTask(json: data))
            default: break
            }
        } catch {
            context.logger.debug("stream ended", metadata: ["type": "\(type)", "error": "\(error)"])
        }
    }

    private func terminal(_ task: StreamTask) async throws {
        guard !task.streamID.isEmpty else { return }
        let environment = context.environment
        try await streams.open(task.streamID, limit: nil) { stream in
            try await TerminalSession.run(over: stream, environment: environment)
        }
    }

    private func fileManager(_ task: StreamTask) async throws {
        guard !task.streamID.isEmpty else { return }
        let (home, logger) = (context.environment["HOME"] ?? "/", context.logger)
        try await streams.open(task.streamID, limit: nil) { stream in
            try await FileManagerSession(stream: stream, home: home, logger: logger).run()
        }
    }

    private func nat(_ task: NATTask) async throws {
        guard !task.streamID.isEmpty else { return }
        try await streams.open(task.streamID, limit: nil) { stream in
            try await NATSession.run(to: task.host, over: stream)
        }
    }

    private func transfer(_ task: FsTransferTask) async throws {
        guard !task.streamID.isEmpty else { return }
        let logger = context.logger
        try await streams.open(task.streamID, limit: TransferSession.limit) { stream in
            try await TransferSession(stream: stream, logger: logger).run(task)
        }
    }
}
