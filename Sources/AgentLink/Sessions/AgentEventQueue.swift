import Synchronization

/// The events that wait for one subscriber, in order (``AgentEvents``); it knows how many they are. Read by one task.
package final class AgentEventQueue: AsyncSequence, Sendable {
    package typealias Element = AgentEvent
    package typealias Failure = Never

    private let stream: AsyncStream<AgentEvent>
    private let held = Atomic<Int>(0)

    init(_ stream: AsyncStream<AgentEvent>) { self.stream = stream }

    /// Events that wait. Whoever reads may take one before it is counted.
    package var waiting: Int { Swift.max(0, held.load(ordering: .relaxed)) }

    func count(_ more: Int) { held.add(more, ordering: .relaxed) }

    package func makeAsyncIterator() -> Iterator { Iterator(inner: stream.makeAsyncIterator(), queue: self) }

    package struct Iterator: AsyncIteratorProtocol {
        var inner: AsyncStream<AgentEvent>.Iterator
        let queue: AgentEventQueue

        package mutating func next() async -> AgentEvent? { await next(isolation: nil) }

        package mutating func next(isolation actor: isolated (any Actor)?) async -> AgentEvent? {
            let event = await inner.next(isolation: actor)
            if event != nil { queue.count(-1) }
            return event
        }
    }
}
