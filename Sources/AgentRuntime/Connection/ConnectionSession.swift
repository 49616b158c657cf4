import AgentLink
import GRPC
import HTTP
import Logging

/// One connection to the gateway, from the first host report to the end of its streams.
struct ConnectionSession: Sendable {
    /// For the whole of an orderly end.
    static let closeLimit = Duration.seconds(10)

    let context: AgentContext
    let configuration: AgentConfiguration
    /// Fired to end in good order: at shutdown, or when the configuration changed.
    let stop: Signal
    /// Fired once the gateway has accepted the task stream.
    let connected: Signal

    private enum Part: Sendable, Hashable {
        case tasks
        case state
        case streamJobs
        case stop
        case timer
    }

    private struct Ended: Sendable {
        var part: Part
        var failure: (any Error)?
    }

    /// - Throws: What broke the connection; returns normally after ``stop``.
    func run() async throws {
        // Until the streams are open there is nothing to end in good order.
        guard let (link, bootTime) = try await withCancellation(by: stop, open) else { return }
        do {
            try await runStreams(link, bootTime: bootTime)
        } catch {
            await link.close()
            throw error
        }
        await link.close()
    }

    /// Connects, and says what this machine is.
    /// - Returns: with the gateway's start.
    private func open() async throws -> (AgentLinkClient, UInt64) {
        let link = try await AgentLinkClient.connect(configuration)
        do {
            let (metrics, configuration) = (context.metrics, configuration)
            let host = await MetricsCollector.threads.run { metrics.host(configuration) }
            return (link, try await link.report(host))
        } catch {
            await link.close()
            throw error
        }
    }

    private func runStreams(_ link: AgentLinkClient, bootTime: UInt64) async throws {
        let results = BoundedMailbox<AgentTaskResult>(maxCount: 64, maxCost: 16 << 20)
        let streamJobs = JobQueue()
        let (stateStop, jobsStop) = (Signal(), Signal())
        let dispatcher = TaskDispatcher(
            context: context, streams: GRPCStreamOpener(link: link), results: results, streamJobs: streamJobs)
        let reporter = StateReporter(
            context: context, link: link, configuration: configuration, bootTime: bootTime, stop: stateStop)
        let failure: (any Error)? = await withTaskGroup(of: Ended.self) { group in
            group.addTask { await ended(.tasks) { try await runTaskStream(link, dispatcher, results) } }
            group.addTask { await ended(.state) { try await reporter.run() } }
            group.addTask {
                await ended(.streamJobs) { await withCancellation(by: jobsStop) { await streamJobs.run() } }
            }
            group.addTask { await ended(.stop) { await stop.wait() } }
            let first = await group.next()
            var open: Set<Part> = [.tasks, .state, .streamJobs]
            if let part = first?.part { open.remove(part) }
            group.addTask { await ended(.timer) { try await Task.sleep(for: Self.closeLimit) } }
            // In this order: streams of users, measurements, and last the stream that results travel on.
            jobsStop.fire()
            var inTime = await wait(for: .streamJobs, &open, &group)
            stateStop.fire()
            if inTime { inTime = await wait(for: .state, &open, &group) }
            results.finish()
            if inTime { _ = await wait(for: .tasks, &open, &group) }
            results.fail(MailboxFinished())
            group.cancelAll()
            return first?.part == .stop ? nil : first?.failure ?? GRPCStatus(.unavailable, "stream ended")
        }
        if let failure { throw failure }
    }

    private func ended(_ part: Part, _ body: () async throws -> Void) async -> Ended {
        do {
            try await body()
            return Ended(part: part)
        } catch {
            return Ended(part: part, failure: error)
        }
    }

    /// - Returns: Whether `part` ended before the time for all of them was over.
    private func wait(for part: Part, _ open: inout Set<Part>, _ group: inout TaskGroup<Ended>) async -> Bool {
        while open.contains(part) {
            guard let next = await group.next(), next.part != .timer else { return false }
            open.remove(next.part)
        }
        return true
    }

    private func runTaskStream(
        _ link: AgentLinkClient, _ dispatcher: TaskDispatcher, _ results: BoundedMailbox<AgentTaskResult>
    ) async throws {
        var extensions = HTTPFields()
        if let name = HTTPField.Name(AgentExtensions.metadataKey) {
            extensions[name] = AgentExtensions.known.header
        }
        try await link.withStream(.requestTask, adding: extensions) { stream in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                defer { group.cancelAll() }
                group.addTask {
                    while let result = try await results.next() { try await stream.send(result.protobuf()) }
                    await stream.finish()
                    return false
                }
                group.addTask {
                    // Throws what the gateway refused the stream with.
                    _ = try await stream.initialMetadata()
                    connected.fire()
                    context.logger.info("connected to \(configuration.server)")
                    while let task = try await stream.next() {
                        await dispatcher.dispatch(try AgentTask(protobuf: task))
                    }
                    return true
                }
                // The gateway's end is the call's; ours is the end of results only.
                while let isOver = try await group.next(), !isOver {}
            }
        }
    }
}
