import AgentLink
import Glibc
import Primitives

/// Task 4: a shell command line of a schedule (`agent-link-details.md` 2).
enum CommandTaskRunner {
    static let limit = Duration.seconds(7200)
    /// Agents in the field have no cap. Ours keeps an answer below the 4 MiB that any dashboard accepts, even when
    /// every byte becomes the three of U+FFFD.
    static let maxOutput = 1 << 20

    /// - Returns: `nil` when the task was cancelled. Delay is in seconds.
    static func run(_ command: String, environment: [String: String]) async -> AgentTaskReply? {
        if command.utf8.contains(0) {
            return AgentTaskReply(data: "the command has a zero byte", successful: false)
        }
        let request = ProcessRequest(
            executable: "/bin/sh", arguments: ["sh", "-c", command],
            environment: environment.filter { $0.key != "NZ_CLIENT_SECRET" },
            outputLimit: maxOutput,
            timeout: limit, keepsStandardError: false)
        do {
            let outcome = try await ProcessRunner.run(request)
            let text = outcome.stdout.text + (outcome.stdout.isTruncated ? "\n[output cut]" : "")
            let seconds = Float(outcome.duration.wholeMilliseconds) / 1000
            switch outcome.end {
            case .exited(code: 0): return AgentTaskReply(data: text, successful: true, delay: seconds)
            case .exited(let code):
                return AgentTaskReply(data: "\(text)\nexit status \(code)", successful: false, delay: seconds)
            case .signalled(let signal):
                return AgentTaskReply(data: "\(text)\nsignal \(signal)", successful: false, delay: seconds)
            case .timedOut, .stuck:
                return AgentTaskReply(
                    data: "the command took longer than 2 hours and was stopped\n\(text)", successful: false,
                    delay: seconds)
            case .cancelled: return nil
            }
        } catch {
            return AgentTaskReply(data: "the command could not be started: \(error.text)", successful: false)
        }
    }
}
