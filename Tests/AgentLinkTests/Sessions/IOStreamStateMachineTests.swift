import Testing

@testable import AgentLink

@Suite("IOStream state machine")
struct IOStreamStateMachineTests {
    typealias Machine = IOStreamStateMachine
    typealias Outcome = (state: Machine.State, actions: [Machine.Action])

    /// Every event, with the variants that are told apart.
    static let events: [Machine.Event] = [
        .agentAttaches(server: 1), .agentAttaches(server: 2), .clientAttaches(.terminal), .clientAttaches(.nat),
        .attachDeadline(seconds: 10), .announcementLost, .agentSent(isEmpty: false), .agentSent(isEmpty: true),
        .agentEnded, .agentFailed, .clientClosed, .keepaliveDue, .disconnected("gone"), .lingerDeadline, .rpcEnded,
    ]

    /// How to get from the start to a state.
    static let paths: [Machine.State: [Machine.Event]] = [
        .created: [],
        .agentAttached: [.agentAttaches(server: 1)],
        .open: [.agentAttaches(server: 1), .clientAttaches(.terminal)],
        .draining: [.agentAttaches(server: 1), .clientAttaches(.terminal), .agentEnded],
        .closing: [.agentAttaches(server: 1), .clientAttaches(.terminal), .clientClosed],
        .closed: [.clientClosed],
    ]

    private static func whileAttached(_ state: Machine.State, _ event: Machine.Event) -> Outcome? {
        switch event {
        case .agentAttaches(server: 1): (state, [.refuseAgent(.alreadyConnected)])
        case .agentSent(isEmpty: false): (state, [.deliver])
        case .agentEnded: (.draining, [.finishInbound, .endAgent])
        case .agentFailed, .rpcEnded: (.draining, [.failInbound("the agent's stream was lost"), .endAgent])
        case .clientClosed: (.closing, [.failInbound("closed"), .drainOutbound, .release])
        case .keepaliveDue: (state, [.sendKeepalive])
        case .disconnected: (.closed, [.failInbound("gone"), .endAgent, .release])
        default: nil
        }
    }

    /// What is not listed changes nothing and asks for nothing.
    static func expected(_ state: Machine.State, _ event: Machine.Event) -> Outcome {
        func failure(_ error: AgentCallError) -> Outcome {
            (.closed, [.failOpener(error), .failInbound("closed"), .endAgent, .release])
        }
        if event == .agentAttaches(server: 2) { return (state, [.refuseAgent(.notAuthorized)]) }
        let outcome: Outcome? =
            switch (state, event) {
            case (.created, .agentAttaches): (.agentAttached, [.acceptAgent, .wakeOpener])
            case (.created, .attachDeadline): failure(.notAttached(seconds: 10))
            case (.created, .announcementLost): failure(.offline)
            case (.created, .clientClosed): failure(.brokenStream("closed"))
            case (.created, .disconnected): failure(.brokenStream("gone"))
            case (.agentAttached, .clientAttaches(.terminal)): (.open, [.acceptClient])
            case (.draining, .clientAttaches(.terminal)): (.draining, [.acceptClient])
            case (_, .clientAttaches): (state, [.refuseClient])
            case (.agentAttached, _), (.open, _): whileAttached(state, event)
            case (.draining, .agentAttaches), (.closing, .agentAttaches):
                (state, [.refuseAgent(.alreadyConnected)])
            case (.draining, .clientClosed): (.closed, [.failInbound("closed"), .release])
            case (.draining, .disconnected): (.closed, [.failInbound("gone"), .release])
            case (.closing, .lingerDeadline), (.closing, .disconnected), (.closing, .agentFailed):
                (.closed, [.endAgent])
            case (.closing, .rpcEnded): (.closed, [])
            case (.closed, .agentAttaches): (.closed, [.refuseAgent(.notAuthorized)])
            default: nil
            }
        return outcome ?? (state, [])
    }

    @Test("every event in every state", arguments: Machine.State.allCases)
    func table(state: Machine.State) throws {
        for event in Self.events {
            var machine = Machine(server: 1, purpose: .terminal)
            for step in try #require(Self.paths[state]) { _ = machine.handle(step) }
            try #require(machine.state == state)
            let actions = machine.handle(event)
            let expected = Self.expected(state, event)
            #expect(actions == expected.actions, "\(event) in \(state)")
            #expect(machine.state == expected.state, "\(event) in \(state)")
        }
    }

    @Test("stream id used as a credential: only the target server's agent attaches, once, never after the close")
    func attachment() {
        var machine = Machine(server: 1, purpose: .terminal)
        #expect(machine.handle(.agentAttaches(server: 2)) == [.refuseAgent(.notAuthorized)])
        #expect(machine.handle(.agentAttaches(server: 1)).first == .acceptAgent)
        #expect(machine.handle(.agentAttaches(server: 1)) == [.refuseAgent(.alreadyConnected)])
        #expect(machine.handle(.clientAttaches(.fileManager)) == [.refuseClient])
        #expect(machine.handle(.clientAttaches(.terminal)) == [.acceptClient])
        #expect(machine.handle(.clientAttaches(.terminal)) == [.refuseClient])
        _ = machine.handle(.clientClosed)
        _ = machine.handle(.rpcEnded)
        #expect(machine.handle(.agentAttaches(server: 1)) == [.refuseAgent(.notAuthorized)])
    }

    @Test(
        "unbounded streams: on every way through, the slots are released once, and not before the end",
        arguments: 0..<20)
    func releasedOnce(seed: Int) {
        var random = SplitMix(state: UInt64(seed))
        for _ in 0..<200 {
            var machine = Machine(server: 1, purpose: .terminal)
            var released = 0
            for _ in 0..<12 {
                guard let event = Self.events.randomElement(using: &random) else { continue }
                let before = machine.state
                released += machine.handle(event).count { $0 == .release }
                #expect(before != .closed || machine.state == .closed)
                #expect((released == 1) == [.closing, .closed].contains(machine.state))
            }
            released += machine.handle(.clientClosed).count { $0 == .release }
            #expect(released == 1)
        }
    }
}

/// A small generator with a seed, so that a failing run can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
