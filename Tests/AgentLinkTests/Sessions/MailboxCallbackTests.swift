import Testing
import Transport

@testable import AgentLink

@Suite("Bounded mailbox: event loops at its ends", .timeLimit(.minutes(5)))
struct MailboxCallbackTests {
    private struct Failure: Error {}

    private func taken(_ box: BoundedMailbox<Int>, heldBack: Bool = false) -> String {
        switch box.take(heldBack: heldBack) {
        case .element(let element): "\(element)"
        case .empty: "empty"
        case .heldBack: "held back"
        case .ended(let error): error == nil ? "finished" : "failed"
        }
    }

    @Test("a receiver that found nothing is called once, when something comes")
    func available() async throws {
        let box = BoundedMailbox<Int>(maxCount: 3, maxCost: 100)
        let calls = Tally()
        box.whenAvailable { calls.add() }
        #expect(box.offer(1))
        #expect(calls.count == 0)
        #expect(taken(box) == "1")
        #expect(taken(box) == "empty")
        #expect(box.offer(2))
        try await box.send(3)
        #expect(calls.count == 1)
        #expect(taken(box) == "2")
        #expect(taken(box) == "3")
        #expect(taken(box) == "empty")
        try await box.send(4)
        #expect(calls.count == 2)
    }

    @Test("a receiver takes nothing while it is held back, and is told of a failure all the same")
    func heldBack() {
        let box = BoundedMailbox<Int>(maxCount: 3, maxCost: 100)
        let calls = Tally()
        box.whenAvailable { calls.add() }
        #expect(box.offer(1))
        #expect(taken(box, heldBack: true) == "held back")
        box.finish()
        #expect(calls.count == 0)
        #expect(taken(box, heldBack: true) == "held back")
        box.fail(Failure())
        #expect(calls.count == 1)
        #expect(taken(box, heldBack: true) == "failed")
        #expect(taken(box) == "failed")
    }

    @Test("a receiver that found nothing is told of the end", arguments: [true, false])
    func ends(isFailure: Bool) {
        let box = BoundedMailbox<Int>(maxCount: 3, maxCost: 100)
        let calls = Tally()
        box.whenAvailable { calls.add() }
        #expect(taken(box) == "empty")
        if isFailure { box.fail(Failure()) } else { box.finish() }
        #expect(calls.count == 1)
        #expect(taken(box) == (isFailure ? "failed" : "finished"))
    }

    @Test("tasks that wait for room go on when a receiver takes something")
    func admits() async throws {
        let box = BoundedMailbox<Int>(maxCount: 1, maxCost: 100)
        try await box.send(1)
        let second = Task { try await box.send(2) }
        try await Task.sleep(for: .milliseconds(10))
        #expect(taken(box) == "1")
        try await second.value
        #expect(taken(box) == "2")
    }

    @Test(
        "a sender that fills the mailbox is called once half of it was taken", arguments: [(4, 1000, 1), (100, 4, 1)])
    func room(maxCount: Int, maxCost: Int, cost: Int) async throws {
        let box = BoundedMailbox<Int>(maxCount: maxCount, maxCost: maxCost)
        let calls = Tally()
        box.whenRoom { calls.add() }
        for number in 0..<3 { #expect(box.push(number, cost: cost) == .taken) }
        #expect(box.push(3, cost: cost) == .full)
        // What was under way already is not lost.
        #expect(box.push(4, cost: cost) == .full)
        for number in 0..<2 { #expect(try await box.next() == number) }
        #expect(calls.count == 0)
        #expect(try await box.next() == 2)
        #expect(calls.count == 1)
        #expect(try await box.next() == 3)
        #expect(try await box.next() == 4)
        #expect(calls.count == 1)
    }

    @Test("a sender that fills the mailbox is told of its end, and sends nothing then")
    func roomAtTheEnd() {
        let box = BoundedMailbox<Int>(maxCount: 1, maxCost: 100)
        let calls = Tally()
        box.whenRoom { calls.add() }
        #expect(box.push(1, cost: 1) == .full)
        box.fail(Failure())
        #expect(calls.count == 1)
        #expect(box.push(2, cost: 1) == .ended)
    }

    @Test("what is pushed goes to a task that waits for it")
    func pushToTask() async throws {
        let box = BoundedMailbox<Int>(maxCount: 1, maxCost: 1)
        let receiver = Task { try await box.next() }
        try await Task.sleep(for: .milliseconds(10))
        #expect(box.push(1, cost: 5) == .taken)
        #expect(try await receiver.value == 1)
    }

    @Test("a callback learns of an outcome, whether it is set before or after", arguments: [true, false])
    func oneShot(isEarly: Bool) {
        let shot = Promise<Int>()
        let calls = Tally()
        if isEarly { shot.whenResolved { if case .success(1) = $0 { calls.add() } } }
        #expect(shot.resolve(.success(1)))
        if !isEarly { shot.whenResolved { if case .success(1) = $0 { calls.add() } } }
        #expect(!shot.resolve(.success(2)))
        #expect(calls.count == 1)
    }
}
