import Synchronization
import Testing

@testable import GatewayServer

@Suite("Services that live and end together", .timeLimit(.minutes(5)))
struct ServiceGroupTests {
    private struct Failed: Error {}

    /// What happened, in order.
    private final class Diary: Sendable {
        private let kept = Mutex<[String]>([])
        var lines: [String] { kept.withLock { $0 } }
        func add(_ line: String) { kept.withLock { $0.append(line) } }
    }

    /// Runs until it is cancelled, and takes a moment to end then.
    private func background(_ name: String, _ diary: Diary) -> Service {
        Service(name) {
            diary.add("\(name) runs")
            try? await Task.sleep(for: .seconds(60))
            diary.add("\(name) ends")
            // A cancelled task cannot sleep.
            await Task { try? await Task.sleep(for: .milliseconds(20)) }.value
            diary.add("\(name) ended")
        }
    }

    private func waitUntil(_ condition: @Sendable () -> Bool) async {
        while !condition() { try? await Task.sleep(for: .milliseconds(1)) }
    }

    @Test("stopped from the last to the first, each waited for")
    func order() async throws {
        let diary = Diary()
        let services = ["audit", "watcher", "listener"].map { background($0, diary) }
        try await ServiceGroup.run(services) { await waitUntil { diary.lines.count == 3 } }
        #expect(
            diary.lines.dropFirst(3) == [
                "listener ends", "listener ended", "watcher ends", "watcher ended", "audit ends", "audit ended",
            ])
    }

    @Test("one that can be stopped is not cancelled")
    func stop() async throws {
        let diary = Diary()
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let service = Service("listener") {
            for await _ in stream {}
            diary.add("cancelled: \(Task.isCancelled)")
        } stop: {
            diary.add("stop")
            continuation.finish()
        }
        try await ServiceGroup.run([background("audit", diary), service]) { await waitUntil { !diary.lines.isEmpty } }
        #expect(diary.lines == ["audit runs", "stop", "cancelled: false", "audit ends", "audit ended"])
    }

    @Test("what does not end in time is cancelled, and that is no error")
    func limit() async throws {
        let diary = Diary()
        let stuck = Service("stuck") {
            try await Task.sleep(for: .seconds(60))
        } stop: {
            diary.add("asked")
        }
        let began = ContinuousClock.now
        try await ServiceGroup.run(
            [background("audit", diary), stuck], until: { await waitUntil { !diary.lines.isEmpty } },
            limit: .milliseconds(100))
        #expect(diary.lines.contains("asked"))
        #expect(diary.lines.last == "audit ended")
        #expect(began.duration(to: .now) >= .milliseconds(100))
        #expect(began.duration(to: .now) < .seconds(20))
    }

    @Test("one that fails ends all, and its error is told")
    func failure() async {
        let diary = Diary()
        let failing = Service("listener") {
            await waitUntil { !diary.lines.isEmpty }
            throw Failed()
        }
        await #expect(throws: Failed.self) {
            try await ServiceGroup.run([background("audit", diary), failing]) {
                try? await Task.sleep(for: .seconds(60))
            }
        }
        #expect(diary.lines.last == "audit ended")
    }

    @Test("one that returns by itself ends all")
    func ended() async throws {
        let diary = Diary()
        let error = await #expect(throws: ServiceGroup.Ended.self) {
            try await ServiceGroup.run([background("audit", diary), Service("listener") {}]) {
                try? await Task.sleep(for: .seconds(60))
            }
        }
        #expect(error?.name == "listener")
        #expect(!diary.lines.contains("audit runs") || diary.lines.last == "audit ended")
    }

    @Test("one that fails while others are stopped is told, too")
    func lateFailure() async {
        let diary = Diary()
        let failing = Service("audit") {
            try? await Task.sleep(for: .seconds(60))
            throw Failed()
        }
        await #expect(throws: Failed.self) {
            try await ServiceGroup.run([failing, background("listener", diary)]) {
                await waitUntil { !diary.lines.isEmpty }
            }
        }
        #expect(diary.lines == ["listener runs", "listener ends", "listener ended"])
    }
}
