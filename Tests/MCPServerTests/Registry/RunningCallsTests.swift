import Testing

@testable import MCPServer

/// Class "resources that run out": memory that calls hold while they wait for agents.
@Suite("Calls of one user at a time")
struct RunningCallsTests {
    @Test("a user has so many calls and no more, others have their own, and places come back")
    func calls() {
        let running = RunningCalls(.init(calls: 2, bytes: 100))
        #expect(running.admit(1, bytes: 0))
        #expect(running.admit(1, bytes: 0))
        #expect(!running.admit(1, bytes: 0))
        #expect(running.admit(2, bytes: 0))
        running.leave(1, bytes: 0)
        #expect(running.admit(1, bytes: 0))
        for user in [1, 1, 2] as [Int64] { running.leave(user, bytes: 0) }
        #expect(running.users == 0)
    }

    @Test("their arguments have so many bytes and not one more; the first call may have any number")
    func bytes() {
        let running = RunningCalls(.init(calls: 10, bytes: 100))
        #expect(running.admit(1, bytes: 60))
        #expect(running.admit(1, bytes: 40))
        #expect(!running.admit(1, bytes: 1))
        #expect(running.admit(1, bytes: 0))
        running.leave(1, bytes: 40)
        #expect(running.admit(1, bytes: 1))
        #expect(running.admit(2, bytes: 101))
        #expect(!running.admit(2, bytes: 0))
    }
}
