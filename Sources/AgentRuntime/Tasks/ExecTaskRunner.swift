import AgentLink
import Glibc
import Logging
import Primitives

/// Task 15: one program, without a shell and without a terminal (`agent-link.md` 2, exec; `mcp.md` 4.5).
enum ExecTaskRunner {
    /// What a program sees of the agent's own environment.
    static let inheritedVariables: Set<String> = [
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TERM", "TMP", "TEMP",
    ]
    static let defaultTimeout: UInt32 = 30
    static let maxTimeout: UInt32 = 300
    static let defaultOutput: UInt32 = 65_536
    static let maxOutput: UInt32 = 1_048_576

    /// - Parameter environment: the agent's own.
    /// - Returns: `nil` when the task was cancelled: then nobody waits for an answer.
    static func run(
        _ json: String, environment: [String: String], logger: Logger? = nil
    ) async -> AgentTaskReply? {
        let task: ExecTask
        do {
            task = try ExecTask(json: json)
        } catch {
            return AgentTaskReply(data: "invalid exec request: \(error.reason)", successful: false)
        }
        guard let reply = await run(task, environment: environment) else { return nil }
        if !reply.error.isEmpty {
            logger?.debug("command did not run", metadata: ["command": "\(task.cmd)", "error": "\(reply.error)"])
        }
        return AgentTaskReply(data: reply.jsonText(), successful: true)
    }

    static func run(_ task: ExecTask, environment: [String: String]) async -> ExecReply? {
        if isBlank(task.cmd) { return ExecReply(error: "cmd required") }
        do {
            return reply(try await ProcessRunner.run(request(task, environment: environment)))
        } catch {
            return ExecReply(exitCode: -1, error: error.text)
        }
    }

    private static func request(
        _ task: ExecTask, environment: [String: String]
    ) throws(ProcessStartError) -> ProcessRequest {
        // No file has such a name.
        if task.cmd.utf8.contains(0) { throw .executableNotFound }
        let texts = [task.cwd] + task.args + task.env.flatMap { [$0.key, $0.value] }
        // The system takes texts up to the first zero byte: something else would run than was asked for.
        if texts.contains(where: { $0.utf8.contains(0) }) { throw .zeroByte }
        let timeout = task.timeoutSeconds == 0 ? defaultTimeout : min(task.timeoutSeconds, maxTimeout)
        let output = task.maxOutputBytes == 0 ? defaultOutput : min(task.maxOutputBytes, maxOutput)
        let inherited = environment.filter { inheritedVariables.contains($0.key) }
        return ProcessRequest(
            executable: try ExecutableSearch.resolve(task.cmd, path: environment["PATH"] ?? ""),
            arguments: [task.cmd] + task.args, environment: inherited.merging(task.env) { $1 },
            directory: task.cwd, stdin: Array(task.stdin.utf8), outputLimit: Int(output), timeout: .seconds(timeout))
    }

    private static func reply(_ outcome: ProcessOutcome) -> ExecReply? {
        var reply = ExecReply(
            stdout: outcome.stdout.text, stderr: outcome.stderr.text,
            durationMilliseconds: outcome.duration.wholeMilliseconds, stdoutTruncated: outcome.stdout.isTruncated,
            stderrTruncated: outcome.stderr.isTruncated)
        switch outcome.end {
        case .exited(let code): reply.exitCode = Int(code)
        case .signalled: reply.exitCode = -1
        case .timedOut:
            reply.exitCode = -1
            reply.timedOut = true
        case .stuck:
            reply.exitCode = -1
            reply.timedOut = true
            reply.error = "process did not exit after kill"
        case .cancelled: return nil
        }
        return reply
    }

    /// Of white space alone.
    private static func isBlank(_ command: String) -> Bool {
        command.utf8.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) }
    }
}
