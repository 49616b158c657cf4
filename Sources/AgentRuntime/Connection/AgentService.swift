import AgentLink
import GRPC
package import Logging
import Primitives
import Synchronization

/// A running agent: connects, does what the gateway asks, and connects again, until it is shut down.
package struct AgentService: Sendable {
    private let context: AgentContext
    private let reconnectDelay: Duration
    private let stops = StopSignals()
    private let file: ConfigurationFile

    /// - Parameters:
    ///   - configuration: as loaded from `file`.
    ///   - environment: the agent's own environment variables, handed on to commands as far as the contract allows.
    ///     `NZ_RECONNECT_DELAY` (seconds) shortens the wait between connections, for tests.
    package init(
        configuration: AgentConfiguration, file: ConfigurationFile, environment: [String: String], logger: Logger
    ) {
        self.file = file
        context = AgentContext(
            configuration: configuration, file: file, environment: AgentEnvironment.completing(environment),
            logger: logger)
        let seconds = environment["NZ_RECONNECT_DELAY"].flatMap { Double($0) }
            .flatMap { (0...86_400).contains($0) ? $0 : nil }
        reconnectDelay = seconds.map { .milliseconds(Int($0 * 1000)) } ?? ReconnectDelay.standard
    }

    /// Removes what an earlier process that was killed left of its writes.
    func sweep() {
        let removed = TemporaryFiles.shared.open(journal: file.path + ".writes")
        if removed > 0 { context.logger.notice("unfinished writes removed", metadata: ["files": "\(removed)"]) }
        AtomicFile.sweep(besides: file.path)
    }

    /// Ends in good order what ``run()`` does: streams of users first, then measurements, then the stream of results.
    package func shutDown() {
        stops.shutDown()
    }

    /// Returns after ``shutDown()``, or when its task is cancelled. To be called once.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await context.oneShots.run() }
            group.addTask { await context.reload.run { stops.endConnection() } }
            await connectUntilStopped()
            // Commands in progress are stopped with their process groups.
            group.cancelAll()
        }
        context.logger.info("agent stopped")
    }

    private func connectUntilStopped() async {
        var delay = ReconnectDelay(base: reconnectDelay)
        while let stop = stops.beginConnection(), !Task.isCancelled {
            let connected = Signal()
            let session = ConnectionSession(
                context: context, configuration: context.configuration.value, stop: stop, connected: connected)
            do {
                try await session.run()
            } catch {
                context.logger.warning(
                    "connection lost",
                    metadata: ["server": "\(session.configuration.server)", "error": "\(error)"])
            }
            if stops.isShutDown { break }
            let pause = delay.next(afterSuccess: connected.isFired, jitter: .random(in: 0...1))
            context.logger.debug("connecting again", metadata: ["after": "\(pause)"])
            _ = try? await withDeadline(pause) { await stops.shutdown.wait() }
        }
    }
}

/// Ends the connection of the moment, and all of them.
private final class StopSignals: Sendable {
    let shutdown = Signal()
    private let connection = Mutex<Signal?>(nil)

    var isShutDown: Bool { shutdown.isFired }

    /// What ends the new connection; `nil` after the shutdown.
    func beginConnection() -> Signal? {
        connection.withLock { connection in
            guard !shutdown.isFired else { return nil }
            let signal = Signal()
            connection = signal
            return signal
        }
    }

    func endConnection() {
        connection.withLock { $0 }?.fire()
    }

    func shutDown() {
        connection.withLock { connection in
            shutdown.fire()
            connection?.fire()
        }
    }
}
