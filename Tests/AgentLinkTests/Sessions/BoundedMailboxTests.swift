import Synchronization
import Testing

@testable import AgentLink

@Suite("Bounded mailbox", .timeLimit(.minutes(5)))
struct BoundedMailboxTests {
    private struct Failure: Error {}

    @Test("elements leave in the order they came, from any side that was first")
    func order() async throws {
        let box = BoundedMailbox<Int>(maxCount: 3, maxCost: 100)
        async let received = (0..<100).asyncMap { _ in try await box.next() }
        for number in 0..<100 { try await box.send(number) }
        #expect(try await received == Array(0..<100))
    }

    @Test("a full mailbox holds senders back until there is room", arguments: [(2, 1000, 1), (1000, 2, 1)])
    func backPressure(maxCount: Int, maxCost: Int, cost: Int) async throws {
        let box = BoundedMailbox<Int>(maxCount: maxCount, maxCost: maxCost)
        let sent = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for number in 0..<5 {
                    try await box.send(number, cost: cost)
                    sent.add()
                }
            }
            try await eventually { sent.count == 2 }
            try await Task.sleep(for: .milliseconds(20))
            #expect(sent.count == 2)
            #expect(box.offer(9, cost: cost) == false)
            #expect(try await box.next() == 0)
            try await eventually { sent.count == 3 }
            for expected in 1..<5 { #expect(try await box.next() == expected) }
            try await group.waitForAll()
        }
    }

    @Test("an offer may use the reserve of a full mailbox, and no more")
    func reserve() {
        let box = BoundedMailbox<Int>(maxCount: 1, maxCost: 100)
        #expect(box.offer(1))
        #expect(!box.offer(2))
        #expect(box.offer(2, reserve: 1))
        #expect(!box.offer(3, reserve: 1))
    }

    @Test("a sender that is cancelled while it waits leaves nothing behind")
    func cancelledSender() async throws {
        let box = BoundedMailbox<Int>(maxCount: 1, maxCost: 100)
        try await box.send(1)
        let sender = Task { try await box.send(2) }
        try await Task.sleep(for: .milliseconds(10))
        sender.cancel()
        await #expect(throws: CancellationError.self) { try await sender.value }
        #expect(try await box.next() == 1)
        try await box.send(3)
        #expect(try await box.next() == 3)
    }

    @Test("a receiver that is cancelled takes nothing with it")
    func cancelledReceiver() async throws {
        let box = BoundedMailbox<Int>(maxCount: 1, maxCost: 100)
        let receiver = Task { try await box.next() }
        try await Task.sleep(for: .milliseconds(10))
        receiver.cancel()
        await #expect(throws: CancellationError.self) { try await receiver.value }
        try await box.send(1)
        #expect(try await box.next() == 1)
    }

    @Test("finishing lets the receiver drain and refuses senders")
    func finish() async throws {
        let box = BoundedMailbox<Int>(maxCount: 1, maxCost: 100)
        try await box.send(1)
        let waiting = Task { try await box.send(2) }
        try await Task.sleep(for: .milliseconds(10))
        box.finish()
        await #expect(throws: MailboxFinished.self) { try await waiting.value }
        await #expect(throws: MailboxFinished.self) { try await box.send(3) }
        #expect(try await box.next() == 1)
        #expect(try await box.next() == nil)
        #expect(try await box.next() == nil)
    }

    @Test("failing wakes everybody, also after a finish, and drops what is queued")
    func fail() async throws {
        let box = BoundedMailbox<Int>(maxCount: 1, maxCost: 100)
        let receiver = Task { try await box.next() }
        try await Task.sleep(for: .milliseconds(10))
        box.fail(Failure())
        await #expect(throws: Failure.self) { try await receiver.value }
        await #expect(throws: Failure.self) { try await box.send(1) }
        #expect(!box.offer(1, reserve: 9))

        let finished = BoundedMailbox<Int>(maxCount: 1, maxCost: 100)
        try await finished.send(1)
        finished.finish()
        finished.fail(Failure())
        await #expect(throws: Failure.self) { try await finished.next() }
    }
}

extension Sequence where Self: Sendable {
    func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
        var results: [T] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}

/// Counts across tasks.
final class Tally: Sendable {
    private let value = Atomic<Int>(0)
    var count: Int { value.load(ordering: .sequentiallyConsistent) }
    func add() { value.add(1, ordering: .sequentiallyConsistent) }
}

struct NeverHappened: Error {}

/// Waits up to ten seconds until `condition` holds.
func eventually(_ condition: @Sendable () async throws -> Bool) async throws {
    for _ in 0..<2000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record("never happened")
    throw NeverHappened()
}
