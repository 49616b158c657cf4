import CLinux
import Glibc
import Primitives
import Transport

/// What the agent changes of its own limits at the start.
package enum AgentLimits {
    /// The limit of descriptors that programs get; nil when the agent has the usual one itself.
    static let descriptorsBefore = DescriptorLimit.raise()

    /// To be called before anything is connected or started.
    package static func raise() {
        _ = descriptorsBefore
    }
}

/// A child that leads a process group (or session) of its own.
///
/// It is waited for by its owner alone. Until ``reap()`` has taken it the kernel keeps its number, so killing its
/// group cannot hit a stranger.
struct SpawnedProcess: ~Copyable {
    let pid: pid_t
    /// Readable once the child ended; -1 before Linux 5.3.
    let watch: Int32

    /// What becomes the child's standard streams; `nil` is the null device.
    struct Streams {
        var stdin: Int32?
        var stdout: Int32?
        var stderr: Int32?
        /// Opened by the child as all three instead: in a new session it becomes the controlling terminal.
        var terminal: String?
    }

    /// - Throws: ``SystemCallError`` when the program or the folder cannot be used.
    static func start(
        executable: String, arguments: [String], environment: [String: String], directory: String, streams: Streams
    ) throws(SystemCallError) -> SpawnedProcess {
        let variables = environment.map { "\($0.key)=\($0.value)" }
        let pid = try unsafe withCStrings(arguments) { argv throws(SystemCallError) in
            try unsafe withCStrings(variables) { envp throws(SystemCallError) in
                try unsafe withCStrings([executable, directory, streams.terminal ?? ""]) {
                    names throws(SystemCallError) in
                    var program = unsafe linux_program()
                    unsafe program.path = UnsafePointer(names[0])
                    unsafe program.directory = directory.isEmpty ? nil : UnsafePointer(names[1])
                    unsafe program.terminal = streams.terminal == nil ? nil : UnsafePointer(names[2])
                    unsafe program.streams = (streams.stdin ?? -1, streams.stdout ?? -1, streams.stderr ?? -1)
                    // The agent raised its own; programs that use select(2) count on the usual one.
                    if let usual = AgentLimits.descriptorsBefore {
                        unsafe (program.soft_descriptors, program.hard_descriptors) = (usual.soft, usual.hard)
                    }
                    return try unsafe spawn(&program, argv, envp)
                }
            }
        }
        return SpawnedProcess(pid: pid)
    }

    private init(pid: pid_t) {
        self.pid = pid
        watch = linux_pidfd_open(pid)
    }

    deinit {
        if watch >= 0 { close(watch) }
    }

    /// A child with its own group or session, no blocked signals, and the default answer to each: the agent ignores
    /// SIGPIPE, which programs must not inherit.
    private static func spawn(
        _ program: inout linux_program, _ arguments: [UnsafeMutablePointer<CChar>?],
        _ environment: [UnsafeMutablePointer<CChar>?]
    ) throws(SystemCallError) -> pid_t {
        // The library's functions do not know typed errors, so the outcome is carried out of them.
        let outcome = unsafe arguments.withUnsafeBufferPointer { arguments in
            unsafe environment.withUnsafeBufferPointer { environment in
                Result { () throws(SystemCallError) -> pid_t in
                    unsafe (program.arguments, program.environment) = (arguments.baseAddress, environment.baseAddress)
                    return try Children.start { () throws(SystemCallError) in
                        var pid: pid_t = 0
                        let failure = unsafe linux_spawn(&program, &pid)
                        if failure != 0 { throw SystemCallError(code: failure) }
                        return pid
                    }
                }
            }
        }
        return try outcome.get()
    }

    /// Kills the whole group; only before ``reap()``.
    borrowing func killGroup() {
        _ = kill(-pid, SIGKILL)
    }

    /// Tells the whole group that the terminal has gone; only before ``reap()``.
    borrowing func hangUpGroup() {
        _ = kill(-pid, SIGHUP)
        _ = kill(-pid, SIGCONT)
    }

    /// Whether the child ended; it stays a zombie.
    borrowing func hasEnded() -> Bool {
        var info = unsafe siginfo_t()
        // With WNOHANG and no ended child the call succeeds and leaves the signal number at zero.
        return unsafe waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_signo != 0
    }

    /// Takes the ended child from the process table, and with it members of its group that became our children
    /// because this process is the first of a container.
    borrowing func reap() -> ProcessOutcome.End {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) == -1, errno == EINTR {}
        Children.reaped(pid)
        while waitpid(-pid, nil, WNOHANG) > 0 {}
        let signal = status & 0x7F
        return signal == 0 ? .exited(code: status >> 8 & 0xFF) : .signalled(signal)
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) throws(SystemCallError) -> Result
    ) throws(SystemCallError) -> Result {
        let pointers = unsafe texts.map { unsafe strdup($0) }
        defer { unsafe pointers.forEach { unsafe free($0) } }
        return try unsafe body(pointers + [nil])
    }
}
