import Glibc
import Primitives
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
    static func run(
        _ request: ProcessRequest, slots: ProcessSlots = .shared
    ) async throws(ProcessStartError) -> ProcessOutcome {
        try slots.enter()
        defer { slots.leave() }
        let wake: WakePipe
        do {
            wake = try WakePipe()
        } catch {
            throw ProcessStartError(error)
        }
        _ = ignoreBrokenPipes
        return try await watch(request, wake).get()
    }

    private static func watch(
        _ request: ProcessRequest, _ wake: WakePipe
    ) async -> Result<ProcessOutcome, ProcessStartError> {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                do throws(SystemError) {
                    try startThread {
                        continuation.resume(
                            returning: Result { () throws(ProcessStartError) -> ProcessOutcome in
                                try ProcessWatch.start(request, wake: wake).run()
                            })
                    }
                } catch {
                    continuation.resume(returning: .failure(ProcessStartError(SystemCallError(code: error.code))))
                }
            }
        } onCancel: {
            wake.wake()
        }
    }

    /// Writing to a program that reads no more must be an error, not the end of the agent.
    private static let ignoreBrokenPipes: Void = Signals.ignoreBrokenPipes()
}
