import Testing

@testable import HTTP

@Suite("Noticing that a client has gone")
struct ClientPresenceTests {
    @Test("a closed connection is noticed at once, and told once")
    func closed() {
        var presence = ClientPresence()
        _ = presence.handle(.requestRead)
        #expect(presence.handle(.connectionEnded) == .declareGone)
        #expect(presence.handle(.connectionEnded) == .none)
    }

    @Test("a client that ended its sending side has the grace")
    func halfClosed() {
        var presence = ClientPresence()
        _ = presence.handle(.requestRead)
        #expect(presence.handle(.inputEnded) == .startGrace)
        #expect(presence.handle(.inputEnded) == .none)
        #expect(presence.handle(.graceOver(isWritable: true)) == .declareGone)
    }

    @Test("while its answer is being written it is there")
    func answerUnderway() {
        var presence = ClientPresence()
        _ = presence.handle(.requestRead)
        _ = presence.handle(.inputEnded)
        _ = presence.handle(.responsePartWritten)
        #expect(presence.handle(.graceOver(isWritable: true)) == .startGrace)
        // It takes its time to read: nothing can be written meanwhile.
        #expect(presence.handle(.graceOver(isWritable: false)) == .startGrace)
        #expect(presence.handle(.graceOver(isWritable: true)) == .declareGone)
    }

    @Test("once everything is answered nobody is missed")
    func answered() {
        var presence = ClientPresence()
        _ = presence.handle(.requestRead)
        _ = presence.handle(.inputEnded)
        _ = presence.handle(.responsePartWritten)
        _ = presence.handle(.responseEnded)
        #expect(presence.handle(.graceOver(isWritable: true)) == .none)
    }
}
