import AgentLink

/// The command of `server.exec` and of `server.exec_many` (`mcp.md` 4.5). Absent, 0 and empty mean the default.
struct ExecCommand: Codable, Sendable {
    var cmd: String
    var args: [String]?
    var cwd: String?
    var env: [String: String]?
    var timeoutSeconds: UInt32?
    var stdin: String?
    var maxOutputBytes: UInt32?

    private enum CodingKeys: String, CodingKey {
        case cmd
        case args
        case cwd
        case env
        case timeoutSeconds = "timeout_seconds"
        case stdin
        case maxOutputBytes = "max_output_bytes"
    }

    private static let defaultRun: UInt32 = 30

    /// After how many seconds the agent ends it.
    var secondsOfRun: UInt32 {
        guard let timeoutSeconds, timeoutSeconds > 0 else { return Self.defaultRun }
        return timeoutSeconds
    }

    var task: ExecTask {
        ExecTask(
            cmd: cmd, args: args ?? [], cwd: cwd ?? "", env: env ?? [:], timeoutSeconds: timeoutSeconds ?? 0,
            stdin: stdin ?? "", maxOutputBytes: maxOutputBytes ?? 0)
    }

    static func explain(_ violation: SchemaViolation) -> String? {
        switch (violation.pointer, violation.keyword) {
        case ("/cmd", "required"), ("/cmd", "minLength"): "cmd required"
        case ("/timeout_seconds", "minimum"), ("/timeout_seconds", "maximum"):
            "timeout_seconds out of range; must be 1..\(ExecTool.longestRun)"
        default: nil
        }
    }
}
