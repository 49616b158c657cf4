import Glibc
import Transport

/// Runs programs, each watched by a thread of its own (`agent-link.md` 2, exec; corrections in the details).
///
/// At the deadline or on cancellation the whole process group is killed and reaped, within two seconds. After a normal
/// end what is left of the group is killed too, and output is read on for at most half a second: a process that made
/// its own session may still hold the pipes.
enum ProcessRunner {
    static let drainGrace = Duration.milliseconds(500)
    static let killGrace = Duration.seconds(2)

    /// - Returns: How it ended; ``ProcessOutcome/End/cancelled`` when the calling task was cancelled.
    /// - Throws: ``ProcessStartError``.
    static func run(_ request: ProcessRequest) async throws -> ProcessOutcome {
        let wake = try WakePipe()
        _ = ignoreBrokenPipes
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation {
                (continuation: CheckedContinuation<ProcessOutcome, any Error>) in
                startThread {
                    continuation.resume(
                        with: Result { () throws -> ProcessOutcome in
                            try ProcessWatch.start(request, wake: wake).run()
                        })
                }
            }
        } onCancel: {
            wake.wake()
        }
    }

    /// Writing to a program that reads no more must be an error, not the end of the agent.
    private static let ignoreBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()
}
