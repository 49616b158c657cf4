import AgentLink
import Synchronization

/// Tasks 16–19 from their JSON to their JSON, on threads of their own.
enum FileTaskRunner {
    static func run(_ type: AgentTaskType, _ json: String) async -> AgentTaskReply? {
        switch type {
        case .fsList:
            await run(json, FsListTask.self, { try $0.list($1) }, { FsListReply(error: $0) })
        case .fsRead:
            await run(json, FsReadTask.self, { try $0.read($1) }, { FsReadReply(error: $0) })
        case .fsWrite:
            await run(json, FsWriteTask.self, { try $0.write($1) }, { FsWriteReply(error: $0) })
        case .fsDelete:
            await run(json, FsDeleteTask.self, { try $0.delete($1) }, { FsDeleteReply(error: $0) })
        default: nil
        }
    }

    /// - Returns: `nil` when the task was cancelled: then nobody waits for an answer.
    private static func run<Task: TaskBody, Reply: TaskBody>(
        _ json: String, _: Task.Type,
        _ work: @escaping @Sendable (FileTasks, Task) throws -> Reply,
        _ failed: @escaping @Sendable (String) -> Reply
    ) async -> AgentTaskReply? {
        let task: Task
        do {
            task = try Task(json: json)
        } catch {
            return AgentTaskReply(data: "invalid request: \(error.reason)", successful: false)
        }
        let flag = CancellationFlag()
        let reply = await withTaskCancellationHandler {
            await WorkerThreads.files.runUntilCancelled { () -> Reply in
                do {
                    return try work(FileTasks(isCancelled: { flag.isSet }), task)
                } catch {
                    return failed((error as? FileTaskError ?? .outOfContract).text)
                }
            }
        } onCancel: {
            flag.set()
        }
        guard let reply, !flag.isSet else { return nil }
        return AgentTaskReply(data: reply.jsonText(), successful: true)
    }
}

extension TaskBodyError {
    /// What is wrong with the request; never quotes it.
    var reason: String {
        switch self {
        case .malformed(let reason): reason
        }
    }
}

/// Tells a thread that its work is wanted no more.
final class CancellationFlag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() {
        value.store(true, ordering: .relaxed)
    }
}
