import AgentLink
import Logging

/// Tasks 16–19 from their JSON to their JSON, on threads of their own.
enum FileTaskRunner {
    /// - Parameter logger: told why a task failed.
    static func run(_ type: AgentTaskType, _ json: String, logger: Logger? = nil) async -> AgentTaskReply? {
        let note = { @Sendable (path: String, error: String) -> Void in
            logger?.debug("file task failed", metadata: ["task": "\(type)", "path": "\(path)", "error": "\(error)"])
        }
        return switch type {
        case .fsList:
            await run(
                json, { (tasks, task: FsListTask) in try tasks.list(task) },
                {
                    note($0.path, $1)
                    return FsListReply(error: $1)
                })
        case .fsRead:
            await run(
                json, { (tasks, task: FsReadTask) in try tasks.read(task) },
                {
                    note($0.path, $1)
                    return FsReadReply(error: $1)
                })
        case .fsWrite:
            await run(
                json, { (tasks, task: FsWriteTask) in try tasks.write(task) },
                {
                    note($0.path, $1)
                    return FsWriteReply(error: $1)
                })
        case .fsDelete:
            await run(
                json, { (tasks, task: FsDeleteTask) in try tasks.delete(task) },
                {
                    note($0.path, $1)
                    return FsDeleteReply(error: $1)
                })
        default: nil
        }
    }

    /// - Returns: `nil` when the task was cancelled: then nobody waits for an answer.
    private static func run<Task: TaskBody, Reply: TaskBody>(
        _ json: String, _ work: @escaping @Sendable (FileTasks, Task) throws -> Reply,
        _ failed: @escaping @Sendable (Task, String) -> Reply
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
                    return failed(task, (error as? FileTaskError ?? .outOfContract).text)
                }
            }
        } onCancel: {
            flag.set()
        }
        guard let reply, !flag.isSet else { return nil }
        return AgentTaskReply(data: reply.jsonText(), successful: true)
    }
}
