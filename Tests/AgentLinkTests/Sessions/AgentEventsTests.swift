import AgentLink
import Testing

@Suite struct AgentEventsTests {
    private func result(_ events: AgentEvents, _ number: UInt64) {
        events.result(
            server: 7, type: .command, id: number, reply: AgentTaskReply(data: "", successful: true, delay: 0))
    }

    @Test("every subscriber hears what it asked for, and nothing else")
    func kinds() async {
        let events = AgentEvents()
        let results = events.subscribe(to: .results, capacity: 4)
        let both = events.subscribe(to: [.results, .presence], capacity: 4)
        events.attached(server: 7, epoch: 1)
        result(events, 9)
        var first = results.events.makeAsyncIterator()
        guard case .result(.command, id: 9, _) = await first.next()?.content else { return #expect(Bool(false)) }
        var second = both.events.makeAsyncIterator()
        guard case .attached(epoch: 1) = await second.next()?.content else { return #expect(Bool(false)) }
        guard case .result = await second.next()?.content else { return #expect(Bool(false)) }
    }

    @Test("a queue holds as many as it may; what comes on top is lost, and counted", arguments: [3, 4, 5])
    func bound(_ sent: Int) async {
        let events = AgentEvents()
        let results = events.subscribe(to: .results, capacity: 4)
        for number in 0..<sent { result(events, UInt64(number)) }
        #expect(results.dropped == max(0, sent - 4))
    }

    @Test("how many events wait for whom is known, until they are read")
    func waiting() async {
        let events = AgentEvents()
        let results = events.subscribe(to: .results, capacity: 4, as: "results")
        let addresses = events.subscribe(to: .addresses, capacity: 4, as: "addresses")
        for number in 0..<6 { result(events, UInt64(number)) }
        #expect(events.queues.map(\.name) == ["results", "addresses"])
        #expect(events.queues.map(\.waiting) == [4, 0])
        #expect(events.queues.map(\.dropped) == [2, 0])
        var reader = results.events.makeAsyncIterator()
        for _ in 0..<3 { _ = await reader.next() }
        #expect(events.queues.map(\.waiting) == [1, 0])
        #expect(addresses.dropped == 0)
    }
}
