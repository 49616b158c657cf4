import Synchronization
import Transport

package import struct FoundationEssentials.Date

/// Something that an agent did, said or answered.
package struct AgentEvent: Sendable {
    package enum Content: Sendable {
        /// A task stream opened.
        case attached(epoch: UInt64)
        /// The task stream of this epoch ended and no newer one is there.
        case detached(epoch: UInt64)
        case host(HostInfo, previous: HostInfo?)
        /// - Parameter growth: traffic since the last report.
        case state(HostState, growth: TrafficGrowth)
        case geoIP(GeoIPInfo, previous: GeoIPInfo?)
        /// The result of a task that nobody awaits (``AgentResultSink``).
        case result(AgentTaskType, id: UInt64, AgentTaskReply)
    }

    package var server: Int64
    package var time: Date
    package var content: Content

    package init(server: Int64, time: Date, content: Content) {
        self.server = server
        self.time = time
        self.content = content
    }
}

/// Which events somebody wants to hear of.
package struct AgentEventKinds: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Task streams that open and end.
    package static let presence = AgentEventKinds(rawValue: 1)
    package static let hosts = AgentEventKinds(rawValue: 2)
    package static let states = AgentEventKinds(rawValue: 4)
    package static let addresses = AgentEventKinds(rawValue: 8)
    package static let results = AgentEventKinds(rawValue: 16)
}

/// Hands what the agents report and answer to everybody who asked for it: engines, each with a queue of its own, whose
/// bound holds whatever they do, and sinks that are done at once.
///
/// ```swift
/// let events = AgentEvents()
/// let agents = AgentDirectory(events: events, results: events)
/// let results = events.subscribe(to: .results, capacity: 4096)
/// for await event in results.events { … }
/// ```
package final class AgentEvents: AgentEventSink, AgentResultSink {
    /// One subscriber's queue. Ends with the task that reads it.
    package final class Subscription: Sendable {
        package let events: AgentEventQueue
        fileprivate let kinds: AgentEventKinds
        fileprivate let name: String
        private let continuation: AsyncStream<AgentEvent>.Continuation
        private let lost = Atomic<Int>(0)

        fileprivate init(_ kinds: AgentEventKinds, capacity: Int, name: String) {
            self.kinds = kinds
            self.name = name
            let (stream, continuation) = AsyncStream.makeStream(
                of: AgentEvent.self, bufferingPolicy: .bufferingOldest(capacity))
            events = AgentEventQueue(stream)
            self.continuation = continuation
        }

        /// Events that found the queue full.
        package var dropped: Int { lost.load(ordering: .relaxed) }

        fileprivate func offer(_ event: AgentEvent) {
            switch continuation.yield(event) {
            case .enqueued: events.count(1)
            case .dropped: lost.add(1, ordering: .relaxed)
            case .terminated: break
            @unknown default: break
            }
        }

        fileprivate func whenOver(_ action: @escaping @Sendable () -> Void) {
            continuation.onTermination = { _ in action() }
        }
    }

    private struct State {
        var last = 0
        var subscriptions: [Int: Subscription] = [:]
        var sinks: [any AgentEventSink & AgentResultSink] = []
    }

    private let state = Lock(State())
    private let now: @Sendable () -> Date

    package init(now: @escaping @Sendable () -> Date = { Date() }) { self.now = now }

    /// Events from now on.
    /// - Parameters:
    ///   - capacity: events that wait at most; of more the newest are lost and counted.
    ///   - name: who listens, for ``queues``.
    package func subscribe(to kinds: AgentEventKinds, capacity: Int, as name: String = "") -> Subscription {
        let subscription = Subscription(kinds, capacity: capacity, name: name)
        let number = state.withLock { state in
            state.last += 1
            state.subscriptions[state.last] = subscription
            return state.last
        }
        subscription.whenOver { [weak self] in
            self?.state.withLock { _ = $0.subscriptions.removeValue(forKey: number) }
        }
        return subscription
    }

    /// What waits for each subscriber, and what it lost, by name.
    package var queues: [(name: String, waiting: Int, dropped: Int)] {
        let subscriptions = state.withLock { $0.subscriptions.sorted { $0.key < $1.key }.map(\.value) }
        return subscriptions.map { ($0.name, $0.events.waiting, $0.dropped) }
    }

    /// Somebody who is called on the loop of each agent and returns at once.
    package func add(_ sink: any AgentEventSink & AgentResultSink) {
        state.withLock { $0.sinks.append(sink) }
    }

    private func tell(
        _ kind: AgentEventKinds, _ server: Int64, at time: Date? = nil, content: () -> AgentEvent.Content,
        _ toSink: (any AgentEventSink & AgentResultSink) -> Void
    ) {
        let (sinks, wanting) = state.withLock { state in
            (state.sinks, state.subscriptions.values.filter { $0.kinds.contains(kind) })
        }
        for sink in sinks { toSink(sink) }
        guard !wanting.isEmpty else { return }
        let event = AgentEvent(server: server, time: time ?? now(), content: content())
        for subscription in wanting { subscription.offer(event) }
    }

    package func attached(server id: Int64, epoch: UInt64) {
        tell(.presence, id, content: { .attached(epoch: epoch) }) { $0.attached(server: id, epoch: epoch) }
    }

    package func detached(server id: Int64, epoch: UInt64) {
        tell(.presence, id, content: { .detached(epoch: epoch) }) { $0.detached(server: id, epoch: epoch) }
    }

    package func reported(host: HostInfo, previous: HostInfo?, server id: Int64) {
        tell(.hosts, id, content: { .host(host, previous: previous) }) {
            $0.reported(host: host, previous: previous, server: id)
        }
    }

    package func reported(state: HostState, growth: TrafficGrowth, at time: Date, server id: Int64) {
        tell(.states, id, at: time, content: { .state(state, growth: growth) }) {
            $0.reported(state: state, growth: growth, at: time, server: id)
        }
    }

    package func reported(geoIP: GeoIPInfo, previous: GeoIPInfo?, server id: Int64) {
        tell(.addresses, id, content: { .geoIP(geoIP, previous: previous) }) {
            $0.reported(geoIP: geoIP, previous: previous, server: id)
        }
    }

    package func result(server: Int64, type: AgentTaskType, id: UInt64, reply: AgentTaskReply) {
        tell(.results, server, content: { .result(type, id: id, reply) }) {
            $0.result(server: server, type: type, id: id, reply: reply)
        }
    }
}
