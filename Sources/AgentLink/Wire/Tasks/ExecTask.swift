/// Task 15: run one program, without a shell (`agent-link.md` 2, MCP task bodies).
public struct ExecTask: TaskBody {
    public var cmd: String
    public var args: [String]
    public var cwd: String
    public var env: [String: String]
    /// 0 means the agent's default of 30; at most 300.
    public var timeoutSeconds: UInt32
    public var stdin: String
    /// For each of the two streams; 0 means the agent's default of 65,536; at most 1,048,576.
    public var maxOutputBytes: UInt32

    public init(
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

    public init(from decoder: any Decoder) throws {
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

    public func encode(to encoder: any Encoder) throws {
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
public struct ExecReply: TaskBody {
    /// -1 after a signal, a time-out or a failed start.
    public var exitCode: Int
    public var stdout: String
    public var stderr: String
    public var durationMilliseconds: Int64
    public var stdoutTruncated: Bool
    public var stderrTruncated: Bool
    public var timedOut: Bool
    public var error: String

    public init(
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

    public init(from decoder: any Decoder) throws {
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

    public func encode(to encoder: any Encoder) throws {
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
