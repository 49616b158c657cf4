import Glibc
import Primitives

/// One program to run without a terminal.
struct ProcessRequest: Sendable {
    /// A path; see ``ExecutableSearch`` for bare names.
    var executable: String
    /// With the name of the program in front.
    var arguments: [String]
    var environment: [String: String]
    /// Empty: the agent's own.
    var directory = ""
    /// Empty: the null device.
    var stdin: [UInt8] = []
    /// Of each output.
    var outputLimit: Int
    var timeout: Duration
    /// Whether standard error is kept; else it goes to the null device.
    var keepsStandardError = true
}

/// How a program ended.
struct ProcessOutcome: Sendable, Equatable {
    enum End: Sendable, Equatable {
        case exited(code: Int32)
        case signalled(Int32)
        case timedOut
        case cancelled
        /// Killed, yet still there two seconds later.
        case stuck
    }

    var end: End
    var stdout: CappedBuffer
    var stderr: CappedBuffer
    var duration: Duration
}

/// Why a program did not start.
enum ProcessStartError: Error, Sendable, Equatable {
    /// A bare name that is in no folder of PATH.
    case executableNotFound
    /// The machine or its limits allow no more at the moment: descriptors, threads or processes are used up.
    case tooMany
    /// A text that the system would take up to its first zero byte only.
    case zeroByte
    /// The system refused, with this errno.
    case system(SystemCallError)

    /// What a failure to start comes down to.
    init(_ error: SystemCallError) {
        self = Self.scarce.contains(error.code) ? .tooMany : .system(error)
    }

    private static let scarce = [EMFILE, ENFILE, EAGAIN]

    /// In words, for whoever asked for the program.
    var text: String {
        switch self {
        case .executableNotFound: "executable file not found"
        case .zeroByte: "arguments, environment and working directory must not contain a zero byte"
        case .tooMany: "too many commands at once"
        case .system(let error) where error.code == ENOENT || error.code == ENOTDIR:
            "command or working directory not found"
        case .system(let error) where error.code == EACCES || error.code == EPERM: "permission denied"
        case .system(let error): error.reason
        }
    }
}
