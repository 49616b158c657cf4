import Testing

@testable import Transport

@Suite("The loop", .timeLimit(.minutes(5))) struct EventLoopTests {
    @Test("a request's task runs, awaits and resumes on the loop's thread")
    func staysOnTheLoop() async {
        let others = WorkerPool<Int>(threads: 1) { 0 }
        await EventLoop.shared.run { loop in
            let task = Task.immediate(executorPreference: loop.executor) {
                #expect(loop.executor.isCurrent)
                _ = try? await others.run { _ in #expect(!loop.executor.isCurrent) }
                #expect(loop.executor.isCurrent)
                async let child = loop.executor.isCurrent
                #expect(await child)
            }
            await task.value
            #expect(loop.executor.isCurrent)
        }
        await others.stop()
    }

    @Test("what is to be done at the end of the turn comes after all that is ready, and once")
    func endOfTurn() async {
        await EventLoop.shared.run { loop in
            let order = Order()
            let ready = Task.immediate(executorPreference: loop.executor) { order.add("job") }
            loop.atEndOfTurn {
                order.add("end")
                loop.atEndOfTurn { order.add("end of the end") }
            }
            await loop.turn()
            await ready.value
            #expect(order.all == ["job", "end", "end of the end"])
        }
    }

    @Test("one that has something to do at the end of a turn is called once for each time that it asked")
    func members() async {
        await EventLoop.shared.run { loop in
            let member = Member()
            loop.atEndOfTurn(member)
            loop.atEndOfTurn(member)
            #expect(member.calls == 0)
            await loop.turn()
            #expect(member.calls == 2)
            await loop.turn()
            #expect(member.calls == 2)
            member.asksAgain = true
            loop.atEndOfTurn(member)
            await loop.turn()
            #expect(member.calls == 4)
        }
    }

    private final class Member: TurnEnding {
        var calls = 0
        var asksAgain = false

        func turnEnds(on loop: isolated EventLoop) {
            calls += 1
            if asksAgain { loop.atEndOfTurn(self) }
            asksAgain = false
        }
    }

    @Test("tasks that never pause do not keep timers and others from running")
    func fair() async {
        let loop = EventLoop()
        loop.start()
        let spins = Counter()
        let spinner = Task(executorPreference: loop.executor) {
            // Queues job after job on the loop.
            while !Task.isCancelled {
                spins.add()
                await Task(executorPreference: loop.executor) {}.value
            }
        }
        try? await loop.sleep(milliseconds: 20)
        spinner.cancel()
        await spinner.value
        #expect(spins.count > 0)
        await loop.stop()
    }

    @Test("jobs come from many threads, and all are run")
    func foreignJobs() async {
        let loop = EventLoop()
        loop.start()
        let counter = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2000 {
                group.addTask { await loop.run { _ in counter.add() } }
            }
        }
        #expect(counter.count == 2000)
        await loop.stop()
    }

    @Test("a value that belongs to a loop is given out there")
    func loopBound() async {
        final class Plain { var count = 0 }
        let bound = await EventLoop.shared.run { loop in
            let plain = Plain()
            plain.count = 7
            return LoopBound(plain, on: loop)
        }
        let count = await EventLoop.shared.run { loop in bound.get(on: loop).count }
        #expect(count == 7)
        #expect(bound.loop === EventLoop.shared)
    }

    @Test("a stop wakes who sleeps, runs what was queued and lets the loop go")
    func stop() async throws {
        weak var gone: EventLoop?
        do {
            let loop = EventLoop()
            gone = loop
            loop.start()
            let sleeper = Task { try? await loop.sleep(milliseconds: 3_600_000) }
            while await loop.sleeperCountForTests == 0 { await Task.yield() }
            await loop.stop()
            await sleeper.value
            await loop.stop()
        }
        for _ in 0..<1000 where gone != nil { try await Task.sleep(for: .milliseconds(2)) }
        #expect(gone == nil)
    }

    @Test("a group hands its loops out in turn")
    func group() async {
        let group = EventLoopGroup(count: 3)
        #expect(
            (0..<6).map { _ in group.next() }.map { next in group.loops.firstIndex { $0 === next } } == [
                0, 1, 2, 0, 1, 2,
            ])
        await group.stop()
        #expect(!EventLoopGroup.shared.loops.isEmpty)
    }
}

/// Adds up on whatever thread.
private final class Counter: Sendable {
    private let value = Lock(0)
    var count: Int { value.withLock { $0 } }
    func add() { value.withLock { $0 += 1 } }
}

private final class Order: Sendable {
    private let names = Lock<[String]>([])
    var all: [String] { names.withLock { $0 } }
    func add(_ name: String) { names.withLock { $0.append(name) } }
}
