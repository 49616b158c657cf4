import Testing

@testable import AgentLink

@Suite("Promises", .timeLimit(.minutes(5)))
struct PromiseTests {
    @Test("a value in time is the value; none is late, also at once, and others wait on")
    func deadline() async throws {
        let promise = Promise<Int>()
        await #expect(throws: DeadlineExceeded.self) { try await promise.value(within: .zero) }
        await #expect(throws: DeadlineExceeded.self) { try await promise.value(within: .milliseconds(20)) }
        let patient = Task { try await promise.value() }
        let inTime = Task { try await promise.value(within: .seconds(3600)) }
        await #expect(throws: DeadlineExceeded.self) { try await promise.value(within: .milliseconds(20)) }
        promise.resolve(.success(7))
        #expect(try await patient.value == 7)
        #expect(try await inTime.value == 7)
        #expect(try await promise.value(within: .zero) == 7)
    }

    @Test("whoever is cancelled stops waiting, also who has not begun to")
    func cancelled() async throws {
        let promise = Promise<Int>()
        for limit in [nil, Duration.seconds(3600)] {
            let waiting = Task { try await promise.value(within: limit) }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
    }
}
