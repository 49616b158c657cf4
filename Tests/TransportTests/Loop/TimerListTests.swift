import Testing

@testable import Transport

@Suite("Timers") struct TimerListTests {
    @Test("actions come in the order of their deadlines, whatever the order they were added in")
    func order() {
        var list = TimerList<Int>()
        let deadlines = (0..<500).map { _ in UInt64.random(in: 0..<100) }
        for deadline in deadlines { _ = list.add(at: deadline, Int(deadline)) }
        var found: [Int] = []
        while let next = list.removeExpired(at: 99) { found.append(next) }
        #expect(found == deadlines.map(Int.init).sorted())
        #expect(list.nextDeadline == nil)
    }

    @Test("equal deadlines strike in the order they were added in, and none too early")
    func ties() {
        var list = TimerList<Int>()
        for number in 0..<100 { _ = list.add(at: 7, number) }
        #expect(list.removeExpired(at: 6) == nil)
        #expect((0..<100).map { _ in list.removeExpired(at: 7) } == (0..<100).map(Optional.init))
    }

    @Test("an action cancels the one that is due with it")
    func cancelled() {
        var list = TimerList<Int>()
        _ = list.add(at: 1, 1)
        let second = list.add(at: 1, 2)
        #expect(list.removeExpired(at: 1) == 1)
        list.cancel(second)
        list.cancel(second)
        #expect(list.removeExpired(at: 1) == nil)
    }

    @Test("what was cancelled is let go, although its deadline is far away")
    func letGo() {
        var list = TimerList<Int>()
        let kept = list.add(at: 1 << 40, 0)
        for _ in 0..<100_000 { list.cancel(list.add(at: 1 << 30, 1)) }
        for deadline in 0..<200 as Range<UInt64> { list.cancel(list.add(at: deadline, 1)) }
        #expect(list.pending < 200)
        #expect(list.removeExpired(at: .max) == 0)
        list.cancel(kept)
    }
}

@Suite("The loop's clock", .timeLimit(.minutes(5))) struct LoopTimerTests {
    @Test("timers ring on the loop, but for those that another one cancels")
    func rings() async {
        await EventLoop.shared.run { loop in
            let before = loop.now
            await withCheckedContinuation { continuation in
                let late = loop.schedule(after: 20) { Issue.record("cancelled") }
                _ = loop.schedule(after: 30) {
                    #expect(loop.executor.isCurrent)
                    continuation.resume()
                }
                _ = loop.schedule(after: 10) { loop.cancel(late) }
            }
            #expect(loop.now - before >= 29)
        }
    }

    @Test("a sleeper wakes after its time, or when its task is cancelled")
    func sleeper() async throws {
        try await EventLoop.shared.run { loop in
            try await loop.sleep(milliseconds: 5)
            #expect(loop.executor.isCurrent)
        }
        let long = Task { try await EventLoop.shared.sleep(milliseconds: 3_600_000) }
        try await EventLoop.shared.sleep(milliseconds: 5)
        long.cancel()
        await #expect(throws: CancellationError.self) { try await long.value }
        let cancelled = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await EventLoop.shared.sleep(milliseconds: 3_600_000)
        }
        await #expect(throws: CancellationError.self) { try await cancelled.value }
    }
}
