package import AgentLink
import JSON
import Logging
import Secrets
import Storage
import Synchronization

/// What is to be sent to agents, and what they said of it, until ``OwnershipTransfers/run()`` gets to it. Bounded by the
/// number of servers.
final class OwnershipOutbox: Sendable {
    struct Work: Sendable {
        var pushes: Set<Int64> = []
        /// By transfer.
        var failures: [Int64: (server: Int64, text: String)] = [:]
    }

    private let work = Mutex(Work())
    private let signal = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// One element, or more, after each change.
    var changes: AsyncStream<Void> { signal.stream }

    func push(_ server: Int64) {
        work.withLock { _ = $0.pushes.insert(server) }
        signal.continuation.yield()
    }

    func failed(transfer: Int64, server: Int64, _ text: String) {
        work.withLock { $0.failures[transfer] = (server, text) }
        signal.continuation.yield()
    }

    func take() -> Work {
        work.withLock { work in
            defer { work = Work() }
            return work
        }
    }
}

extension OwnershipTransfers: AgentEventSink, AgentResultSink {
    /// How often overdue hand-overs are looked for.
    private static let sweepInterval = Duration.seconds(30)

    /// Delivers and expires until the surrounding task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                while !Task.isCancelled {
                    await self.expire()
                    try? await Task.sleep(for: Self.sweepInterval)
                }
            }
            let turns = ServerTurns()
            for await _ in outbox.changes {
                let work = outbox.take()
                for (id, failure) in work.failures {
                    group.addTask { await self.failed(transfer: id, failure.server, failure.text) }
                }
                for server in work.pushes {
                    group.addTask { await turns.take(server) { await self.deliver(to: server) } }
                }
            }
        }
    }

    /// An agent that attaches is told again, until it has done what it was told.
    package func attached(server id: Int64, epoch: UInt64) {
        guard asking({ $0.delivery(to: id, at: now()) }) != nil else { return }
        outbox.push(id)
    }

    package func result(server: Int64, type: AgentTaskType, id: UInt64, reply: AgentTaskReply) {
        guard type == .serverTransferApply, !reply.successful, let id = Int64(exactly: id),
            asking({ $0.pendingTransfer(of: server) })?.id == id
        else { return }
        outbox.failed(transfer: id, server: server, reply.data)
    }

    private func failed(transfer id: Int64, _ server: Int64, _ text: String) async {
        guard let row = asking({ $0.pendingTransfer(of: server) }), row.id == id else { return }
        await settle(row, .failed, error: text)
    }

    /// Sends the secret that counts now; one of an older word cannot come after it, as each server has one turn at a time.
    private func deliver(to server: Int64) async {
        guard let delivery = asking({ $0.delivery(to: server, at: now()) }) else { return }
        if delivery.direction == .forward, await isTooOld(server) {
            return await settle(delivery.transfer, .failed, error: Self.tooOld)
        }
        do {
            let secret = String(decoding: try dataKey.open(delivery.secret.sealed), as: UTF8.self)
            let body = JSONValue.object(["client_secret": .string(secret)]).text
            try await network.send(
                .serverTransferApply, id: UInt64(delivery.transfer.id), body: body, to: server)
        } catch AgentCallError.offline {
            // It is told when it attaches.
        } catch {
            logger.error(
                "the secret of a server transfer was not sent",
                metadata: [
                    "server": "\(server)", "transfer": "\(delivery.transfer.id)", "error": "\(type(of: error))",
                ])
        }
    }
}

/// One piece of work at a time for each server, in the order they came; different servers do not wait for each other.
private actor ServerTurns {
    private var last: [Int64: (number: Int, task: Task<Void, Never>)] = [:]
    private var count = 0

    func take(_ server: Int64, _ work: @escaping @Sendable () async -> Void) async {
        count += 1
        let number = count
        let before = last[server]?.task
        let task = Task {
            await before?.value
            if !Task.isCancelled { await work() }
        }
        last[server] = (number, task)
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        if last[server]?.number == number { last[server] = nil }
    }
}
