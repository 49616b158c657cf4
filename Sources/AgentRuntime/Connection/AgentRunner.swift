import Glibc
import Transport

/// Runs an agent as a process: SIGTERM, SIGINT and SIGHUP end it in good order.
package enum AgentRunner {
    /// Everything inside ends within ten seconds; this is for what nobody thought of.
    private static let limit = Duration.seconds(15)

    package static func run(_ agent: AgentService) async {
        if Children.inheritsOrphans { try? Children.reapOrphans() }
        agent.sweep()
        let signals = await Signals.catching(Signals.ends)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await agent.run() }
            group.addTask {
                for await _ in signals {
                    agent.shutDown()
                    try? await Task.sleep(for: limit)
                    // Something hangs, as on a dead mount, and cannot be waited for. The end comes all the same, without
                    // what `exit` would still do, which may hang as well. A thread that waits in the kernel for an answer
                    // of a FUSE server keeps the number of the process all the same, until that server answers or ends:
                    // no signal and no call of ours reaches it there.
                    if !Task.isCancelled { _exit(EXIT_SUCCESS) }
                    break
                }
            }
            await group.next()
            group.cancelAll()
        }
    }
}
