import Testing

@testable import HTTP

@Suite("The least rate of bodies")
struct BodyPaceTests {
    @Test("after the grace each second costs as many bytes as the rate")
    func rate() {
        var pace = BodyPace(grace: 1000, rate: 100)
        #expect(pace.deadline == nil)
        pace.setWaiting(true, at: 5000)
        #expect(pace.deadline == 6000)
        pace.add(100)
        #expect(pace.deadline == 7000)
        pace.add(99)
        #expect(pace.deadline == 7990)
        pace.add(1)
        #expect(pace.deadline == 8000)
    }

    @Test("while the client is held back no time passes")
    func heldBack() {
        var pace = BodyPace(grace: 1000, rate: 100)
        pace.setWaiting(true, at: 0)
        pace.setWaiting(false, at: 600)
        #expect(pace.deadline == nil)
        pace.setWaiting(true, at: 100_000)
        #expect(pace.deadline == 100_400)
        pace.setWaiting(true, at: 100_300)
        #expect(pace.deadline == 100_400)
    }
}
