import AgentLink
import Primitives

/// The command of `server.exec` and of `server.exec_many` as the tools take it (`mcp.md` 4.5). 0 and empty mean the
/// default.
extension ExecTask {
    private static let defaultRun: UInt32 = 30
    private static let defaultOutput = 65_536
    /// What an agent gives of a stream at most, whatever it is asked for.
    private static let mostOutput = 1_048_576

    /// After how many seconds the agent ends it.
    var secondsOfRun: UInt32 { timeoutSeconds > 0 ? timeoutSeconds : Self.defaultRun }

    /// Bytes of each output stream that the caller asks for.
    var wantedOutput: Int { maxOutputBytes > 0 ? Int(maxOutputBytes) : Self.defaultOutput }

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

    static func explain(_ violation: SchemaViolation) -> String? {
        switch (violation.pointer, violation.keyword) {
        case ("/cmd", "required"), ("/cmd", "minLength"): "cmd required"
        case ("/timeout_seconds", "maximum"):
            "timeout_seconds out of range; must be 1..\(ExecTool.longestRun)"
        default: nil
        }
    }
}
