import CLinux
import Glibc
import Transport

/// What the agent changes of its own limits at the start.
package enum AgentLimits {
    /// The limit of descriptors that programs get; nil when the agent has the usual one itself.
    static let descriptorsBefore = DescriptorLimit.raise()

    /// To be called first of all.
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
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawnattr_init(&attributes)
        defer {
            unsafe posix_spawn_file_actions_destroy(&actions)
            unsafe posix_spawnattr_destroy(&attributes)
        }
        unsafe addStreams(streams, to: &actions)
        if !directory.isEmpty { try unsafe check(linux_spawn_add_chdir(&actions, directory)) }
        // Ours close on exec anyway; this is for those that a library opened without saying so.
        try unsafe check(linux_spawn_add_closefrom(&actions, 3))
        try setAttributes(&attributes, isSession: streams.terminal != nil)
        let variables = environment.map { "\($0.key)=\($0.value)" }
        let pid = try unsafe withCStrings(arguments) { argv throws(SystemCallError) in
            try unsafe withCStrings(variables) { envp throws(SystemCallError) in
                try Children.start { () throws(SystemCallError) in
                    var pid: pid_t = 0
                    try unsafe check(posix_spawn(&pid, executable, &actions, &attributes, argv, envp))
                    return pid
                }
            }
        }
        // The agent raised its own; programs that use select(2) count on the usual one. It comes a moment after their
        // start, since posix_spawn knows no limits: long before any of them has that many open.
        if let usual = AgentLimits.descriptorsBefore { _ = linux_set_descriptor_limit(pid, usual.soft, usual.hard) }
        return SpawnedProcess(pid: pid)
    }

    private init(pid: pid_t) {
        self.pid = pid
        watch = linux_pidfd_open(pid)
    }

    deinit {
        if watch >= 0 { close(watch) }
    }

    private static func addStreams(_ streams: Streams, to actions: inout posix_spawn_file_actions_t) {
        if let terminal = streams.terminal {
            unsafe posix_spawn_file_actions_addopen(&actions, 0, terminal, O_RDWR, 0)
            unsafe posix_spawn_file_actions_adddup2(&actions, 0, 1)
            unsafe posix_spawn_file_actions_adddup2(&actions, 0, 2)
            return
        }
        for (target, source) in [streams.stdin, streams.stdout, streams.stderr].enumerated() {
            if let source {
                unsafe posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
            } else {
                unsafe posix_spawn_file_actions_addopen(&actions, Int32(target), "/dev/null", O_RDWR, 0)
            }
        }
    }

    /// Own group or session, no blocked signals, and the default answer to each: the agent ignores SIGPIPE, which
    /// programs must not inherit.
    private static func setAttributes(
        _ attributes: inout posix_spawnattr_t, isSession: Bool
    ) throws(SystemCallError) {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        try unsafe check(posix_spawnattr_setsigmask(&attributes, &signals))
        unsafe sigfillset(&signals)
        try unsafe check(posix_spawnattr_setsigdefault(&attributes, &signals))
        try unsafe check(posix_spawnattr_setpgroup(&attributes, 0))
        let group = isSession ? linux_spawn_setsid() : Int16(POSIX_SPAWN_SETPGROUP)
        try unsafe check(
            posix_spawnattr_setflags(
                &attributes, group | Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF)))
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

    private static func check(_ code: Int32) throws(SystemCallError) {
        if code != 0 { throw SystemCallError(code: code) }
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) throws(SystemCallError) -> Result
    ) throws(SystemCallError) -> Result {
        let pointers = unsafe texts.map { unsafe strdup($0) }
        defer { unsafe pointers.forEach { unsafe free($0) } }
        return try unsafe body(pointers + [nil])
    }
}
