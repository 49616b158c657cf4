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
    var anyMachine: Bool?

    private enum CodingKeys: String, CodingKey {
        case cmd
        case args
        case cwd
        case env
        case timeoutSeconds = "timeout_seconds"
        case stdin
        case maxOutputBytes = "max_output_bytes"
        case anyMachine = "any_machine"
    }

    private static let defaultRun: UInt32 = 30
    private static let defaultOutput = 65_536
    /// What an agent gives of a stream at most, whatever it is asked for.
    private static let mostOutput = 1_048_576

    /// After how many seconds the agent ends it.
    var secondsOfRun: UInt32 {
        guard let timeoutSeconds, timeoutSeconds > 0 else { return Self.defaultRun }
        return timeoutSeconds
    }

    /// Bytes of each output stream that the caller asks for.
    var wantedOutput: Int {
        guard let maxOutputBytes, maxOutputBytes > 0 else { return Self.defaultOutput }
        return Int(maxOutputBytes)
    }

    /// The answer with its output streams cut to what was asked for. An agent may send more than that; bytes that are
    /// no UTF-8 grow on their way as well.
    func bounded(_ reply: ExecReply) -> ExecReply {
        let limit = min(wantedOutput, Self.mostOutput)
        var reply = reply
        if reply.stdout.utf8.count > limit {
            reply.stdout = reply.stdout.cut(toBytes: limit)
            reply.stdoutTruncated = true
        }
        if reply.stderr.utf8.count > limit {
            reply.stderr = reply.stderr.cut(toBytes: limit)
            reply.stderrTruncated = true
        }
        return reply
    }

    var task: ExecTask {
        ExecTask(
            cmd: cmd, args: args ?? [], cwd: cwd ?? "", env: env ?? [:], timeoutSeconds: timeoutSeconds ?? 0,
            stdin: stdin ?? "", maxOutputBytes: maxOutputBytes ?? 0)
    }

    static func explain(_ violation: SchemaViolation) -> String? {
        switch (violation.pointer, violation.keyword) {
        case ("/cmd", "required"), ("/cmd", "minLength"): "cmd required"
        case ("/timeout_seconds", "maximum"):
            "timeout_seconds out of range; must be 1..\(ExecTool.longestRun)"
        default: nil
        }
    }
}
