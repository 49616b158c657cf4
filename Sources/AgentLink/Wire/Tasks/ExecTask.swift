/// Task 15: run one program, without a shell (`agent-link.md` 2, MCP task bodies).
package struct ExecTask: TaskBody {
    package static var maximumLength: Int { TaskBodyLimits.ample }

    package var cmd: String
    package var args: [String]
    package var cwd: String
    package var env: [String: String]
    /// 0 means the agent's default of 30; at most 300.
    package var timeoutSeconds: UInt32
    package var stdin: String
    /// For each of the two streams; 0 means the agent's default of 65,536; at most 1,048,576.
    package var maxOutputBytes: UInt32

    package init(
        cmd: String, args: [String] = [], cwd: String = "", env: [String: String] = [:], timeoutSeconds: UInt32 = 0,
        stdin: String = "", maxOutputBytes: UInt32 = 0
    ) {
        self.cmd = cmd
        self.args = args
        self.cwd = cwd
        self.env = env
        self.timeoutSeconds = timeoutSeconds
        self.stdin = stdin
        self.maxOutputBytes = maxOutputBytes
    }

    private enum CodingKeys: String, CodingKey {
        case cmd
        case args
        case cwd
        case env
        case timeoutSeconds = "timeout_seconds"
        case stdin
        case maxOutputBytes = "max_output_bytes"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            cmd: try values.decode(.cmd, or: ""),
            args: try values.decode(.args, or: []),
            cwd: try values.decode(.cwd, or: ""),
            env: try values.decode(.env, or: [:]),
            timeoutSeconds: try values.decode(.timeoutSeconds, or: 0),
            stdin: try values.decode(.stdin, or: ""),
            maxOutputBytes: try values.decode(.maxOutputBytes, or: 0))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(cmd, forKey: .cmd)
        try values.encode(args, .args, unless: [])
        try values.encode(cwd, .cwd, unless: "")
        try values.encode(env, .env, unless: [:])
        try values.encode(timeoutSeconds, .timeoutSeconds, unless: 0)
        try values.encode(stdin, .stdin, unless: "")
        try values.encode(maxOutputBytes, .maxOutputBytes, unless: 0)
    }
}

/// The answer to task 15. `error` is set when the program did not run; then `exitCode` may still be 0, so look at
/// `error` first.
package struct ExecReply: TaskBody {
    package static var maximumLength: Int { TaskBodyLimits.ample }

    /// -1 after a signal, a time-out or a failed start.
    package var exitCode: Int
    package var stdout: String
    package var stderr: String
    package var durationMilliseconds: Int64
    package var stdoutTruncated: Bool
    package var stderrTruncated: Bool
    package var timedOut: Bool
    package var error: String

    package init(
        exitCode: Int = 0, stdout: String = "", stderr: String = "", durationMilliseconds: Int64 = 0,
        stdoutTruncated: Bool = false, stderrTruncated: Bool = false, timedOut: Bool = false, error: String = ""
    ) {
        self.exitCode = exitCode
        self.stdout = stdout
        self.stderr = stderr
        self.durationMilliseconds = durationMilliseconds
        self.stdoutTruncated = stdoutTruncated
        self.stderrTruncated = stderrTruncated
        self.timedOut = timedOut
        self.error = error
    }

    private enum CodingKeys: String, CodingKey {
        case exitCode = "exit_code"
        case stdout
        case stderr
        case durationMilliseconds = "duration_ms"
        case stdoutTruncated = "stdout_truncated"
        case stderrTruncated = "stderr_truncated"
        case timedOut = "timed_out"
        case error
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            exitCode: try values.decode(.exitCode, or: 0),
            stdout: try values.decode(.stdout, or: ""),
            stderr: try values.decode(.stderr, or: ""),
            durationMilliseconds: try values.decode(.durationMilliseconds, or: 0),
            stdoutTruncated: try values.decode(.stdoutTruncated, or: false),
            stderrTruncated: try values.decode(.stderrTruncated, or: false),
            timedOut: try values.decode(.timedOut, or: false),
            error: try values.decode(.error, or: ""))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(exitCode, forKey: .exitCode)
        try values.encode(stdout, forKey: .stdout)
        try values.encode(stderr, forKey: .stderr)
        try values.encode(durationMilliseconds, forKey: .durationMilliseconds)
        try values.encode(stdoutTruncated, .stdoutTruncated, unless: false)
        try values.encode(stderrTruncated, .stderrTruncated, unless: false)
        try values.encode(timedOut, .timedOut, unless: false)
        try values.encode(error, .error, unless: "")
    }
}
