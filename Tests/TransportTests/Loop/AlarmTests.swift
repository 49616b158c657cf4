import Synchronization
import TestSupport
import Testing

@testable import Transport

@Suite("Alarms", .timeLimit(.minutes(5)))
struct AlarmTests {
    private final class Count: Sendable {
        private let value = Mutex(0)
        var now: Int { value.withLock { $0 } }
        func add() { value.withLock { $0 += 1 } }
    }

    @Test("one rings once, whether it was set on a loop or elsewhere, and is let go then")
    func rings() async throws {
        let count = Count()
        weak var elsewhere: Alarm?
        do {
            let alarm = Alarm(after: .milliseconds(20)) { count.add() }
            elsewhere = alarm
            await EventLoop.shared.run { _ in _ = Alarm(after: .zero) { count.add() } }
            #expect(await eventually { count.now == 2 })
            alarm.cancel()
        }
        #expect(await eventually { elsewhere == nil })
        #expect(count.now == 2)
    }

    @Test("one that was cancelled does not, at whatever moment, and holds nothing any more")
    func cancelled() async throws {
        let count = Count()
        weak var held: Count?
        do {
            let own = Count()
            held = own
            let alarms = (0..<100).map { number in Alarm(after: .seconds(number < 50 ? 3600 : 1)) { own.add() } }
            await EventLoop.shared.run { _ in for alarm in alarms.prefix(25) { alarm.cancel() } }
            for alarm in alarms { alarm.cancel() }
            _ = Alarm(after: .milliseconds(1200)) { count.add() }
            #expect(await eventually { count.now == 1 })
            #expect(own.now == 0)
        }
        #expect(await eventually { held == nil })
    }
}
