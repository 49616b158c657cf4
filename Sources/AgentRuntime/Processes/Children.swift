import CLinux
import Glibc
import Primitives
import Synchronization
import Transport

/// The children that the agent started and waits for itself, so that the reaper of a process 1 leaves them alone.
enum Children {
    private struct State {
        var own: Set<pid_t> = []
        /// Programs that are being started: their number is not known yet.
        var starting = 0
        /// They hung in the kernel when they were killed, and nobody waits for them any more.
        var abandoned: Set<pid_t> = []
    }

    private static let state = Mutex(State())

    /// Starts a child by `spawn` and remembers its number.
    static func start(
        _ spawn: () throws(SystemCallError) -> pid_t
    ) throws(SystemCallError) -> pid_t {
        reapAbandoned()
        state.withLock { $0.starting += 1 }
        let result: Result<pid_t, SystemCallError>
        do {
            result = .success(try spawn())
        } catch {
            result = .failure(error)
        }
        state.withLock { state in
            state.starting -= 1
            if case .success(let pid) = result { state.own.insert(pid) }
        }
        return try result.get()
    }

    /// `pid` was taken from the process table.
    static func reaped(_ pid: pid_t) {
        _ = state.withLock { $0.own.remove(pid) }
    }

    /// `pid` hangs. When it comes out it is taken from the process table: at the next start of a program at the latest.
    static func abandon(_ pid: pid_t) {
        _ = state.withLock { $0.abandoned.insert(pid) }
    }

    private static func reapAbandoned() {
        let abandoned = state.withLock { $0.abandoned }
        for pid in abandoned where waitpid(pid, nil, WNOHANG) != 0 {
            state.withLock { state in
                state.abandoned.remove(pid)
                state.own.remove(pid)
            }
        }
    }

    // MARK: As process 1

    /// Whether processes without a parent become children of this one.
    static var inheritsOrphans: Bool { getpid() == 1 }

    /// Takes ended children from the process table that nobody here waits for, for as long as the process runs: orphans
    /// that a container gave to its process 1.
    static func reapOrphans() throws(SystemError) {
        try startThread {
            while true { usleep(reapOrphan() ? 1000 : pause) }
        }
    }

    /// Microseconds.
    private static let pause: UInt32 = 200_000

    /// - Returns: Whether one was taken.
    static func reapOrphan() -> Bool {
        let pid = linux_ended_child()
        guard pid > 0 else { return false }
        return state.withLock { state in
            // What is being started may be that one.
            guard state.starting == 0, !state.own.contains(pid) || state.abandoned.contains(pid) else { return false }
            state.own.remove(pid)
            state.abandoned.remove(pid)
            return waitpid(pid, nil, WNOHANG) == pid
        }
    }
}
