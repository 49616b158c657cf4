import FuzzSupport
import Testing

@testable import AgentLink

@Suite("IOStream state machine")
struct IOStreamStateMachineTests {
    typealias Machine = IOStreamStateMachine
    typealias Outcome = (state: Machine.State, actions: [Machine.Action])

    static let owner = AgentStreamCredential(userID: 7)
    static let creator = Machine.Client.claim(claim())

    static func claim(
        _ purpose: AgentStreamPurpose = .terminal, user: Int64 = 7, token: Int64? = nil, administrator: Bool = false
    ) -> AgentStreamClaim {
        AgentStreamClaim(
            purpose: purpose, credential: AgentStreamCredential(userID: user, tokenID: token),
            isAdministrator: administrator)
    }

    /// Every event, with the variants that are told apart.
    static let events: [Machine.Event] = [
        .agentAttaches(server: 1), .agentAttaches(server: 2), .clientAttaches(creator), .clientAttaches(.opener),
        .clientAttaches(.claim(claim(.fileManager))), .agentDeadline(seconds: 10), .clientDeadline, .announcementLost,
        .agentSent(isEmpty: false), .agentSent(isEmpty: true), .clientSent, .agentEnded, .agentFailed, .clientClosed,
        .keepaliveDue, .idleTick, .totalDeadline, .disconnected("gone"), .lingerDeadline, .rpcEnded,
    ]

    /// How to get from the start to a state.
    static let paths: [Machine.State: [Machine.Event]] = [
        .created: [],
        .agentAttached: [.agentAttaches(server: 1)],
        .clientAttached: [.clientAttaches(creator)],
        .open: [.agentAttaches(server: 1), .clientAttaches(creator)],
        .finished: [.agentAttaches(server: 1), .agentEnded],
        .draining: [.agentAttaches(server: 1), .clientAttaches(creator), .agentEnded],
        .closing: [.agentAttaches(server: 1), .clientAttaches(creator), .clientClosed],
        .closed: [.clientClosed],
    ]

    private static func closed(_ error: AgentCallError) -> Outcome {
        (.closed, [.failOpener(error), .failInbound(error), .endAgent, .release])
    }

    private static let lost = AgentCallError.brokenStream("the agent's stream was lost")
    private static let accepted: [Machine.Action] = [.acceptAgent, .wakeOpener]
    private static let unclaimed = closed(.streamExpired("nobody attached to the stream in time"))

    /// The rows that are a state's own; `nil` where the general ones below hold.
    private static func own(_ state: Machine.State, _ event: Machine.Event) -> Outcome? {
        switch (state, event) {
        case (.created, .agentAttaches): (.agentAttached, accepted)
        case (.created, .clientAttaches(creator)): (.clientAttached, [.acceptClient, .awaitAgent])
        case (.created, .agentDeadline), (.clientAttached, .agentDeadline): closed(.notAttached(seconds: 10))
        case (.created, .announcementLost), (.clientAttached, .announcementLost): closed(.offline)
        case (.created, .clientDeadline), (.agentAttached, .clientDeadline), (.finished, .clientDeadline): unclaimed
        case (.clientAttached, .agentAttaches): (.open, accepted)
        case (.agentAttached, .clientAttaches(creator)): (.open, [.acceptClient])
        case (.finished, .clientAttaches(creator)): (.draining, [.acceptClient])
        case (.agentAttached, .agentSent(isEmpty: false)), (.open, .agentSent(isEmpty: false)): (state, [.deliver])
        case (.agentAttached, .agentEnded): (.finished, [.finishInbound, .endAgent])
        case (.open, .agentEnded): (.draining, [.finishInbound, .endAgent])
        case (.agentAttached, .agentFailed), (.agentAttached, .rpcEnded):
            (.finished, [.failInbound(lost), .endAgent])
        case (.open, .agentFailed), (.open, .rpcEnded): (.draining, [.failInbound(lost), .endAgent])
        case (.agentAttached, .clientClosed), (.open, .clientClosed):
            (.closing, [.failInbound(.brokenStream("closed")), .drainOutbound, .release])
        case (.agentAttached, .keepaliveDue), (.open, .keepaliveDue): (state, [.sendKeepalive])
        case (.closing, .lingerDeadline), (.closing, .disconnected), (.closing, .agentFailed): (.closed, [.endAgent])
        case (.closing, .rpcEnded): (.closed, [])
        default: nil
        }
    }

    /// What is not listed changes nothing and asks for nothing.
    static func expected(_ state: Machine.State, _ event: Machine.Event) -> Outcome {
        if event == .agentAttaches(server: 2) { return (state, [.refuseAgent(.notAuthorized)]) }
        if let outcome = own(state, event) { return outcome }
        let hasSlots = state != .closing && state != .closed
        return switch event {
        case .agentAttaches: (state, [.refuseAgent(state == .closed ? .notAuthorized : .alreadyConnected)])
        case .clientAttaches: (state, [.refuseClient])
        case .clientClosed where hasSlots: closed(.brokenStream("closed"))
        case .disconnected(let reason) where hasSlots: closed(.brokenStream(reason))
        case .totalDeadline where hasSlots: closed(.streamExpired("the stream has reached its time limit"))
        default: (state, [])
        }
    }

    static func machine(in state: Machine.State) throws -> Machine {
        var machine = Machine(server: 1, purpose: .terminal, owner: owner)
        for step in try #require(paths[state]) { _ = machine.handle(step) }
        try #require(machine.state == state)
        return machine
    }

    @Test("every event in every state", arguments: Machine.State.allCases)
    func table(state: Machine.State) throws {
        for event in Self.events {
            var machine = try Self.machine(in: state)
            let actions = machine.handle(event)
            let expected = Self.expected(state, event)
            #expect(actions == expected.actions, "\(event) in \(state)")
            #expect(machine.state == expected.state, "\(event) in \(state)")
        }
    }

    @Test("stream id used as a credential: only the target server's agent attaches, once, never after the close")
    func attachment() {
        var machine = Machine(server: 1, purpose: .terminal, owner: Self.owner)
        #expect(machine.handle(.agentAttaches(server: 2)) == [.refuseAgent(.notAuthorized)])
        #expect(machine.handle(.agentAttaches(server: 1)).first == .acceptAgent)
        #expect(machine.handle(.agentAttaches(server: 1)) == [.refuseAgent(.alreadyConnected)])
        #expect(machine.handle(.clientAttaches(Self.creator)) == [.acceptClient])
        #expect(machine.handle(.clientAttaches(Self.creator)) == [.refuseClient])
        _ = machine.handle(.clientClosed)
        _ = machine.handle(.rpcEnded)
        #expect(machine.handle(.agentAttaches(server: 1)) == [.refuseAgent(.notAuthorized)])
        #expect(machine.handle(.clientAttaches(Self.creator)) == [.refuseClient])
    }

    @Test(
        "stream id used as a credential: which user, token and purpose may take a stream",
        arguments: [
            (AgentStreamCredential(userID: 7), claim(), true),
            (AgentStreamCredential(userID: 7), claim(user: 8), false),
            (AgentStreamCredential(userID: 7), claim(user: 8, administrator: true), true),
            (AgentStreamCredential(userID: 7), claim(.fileManager), false),
            (AgentStreamCredential(userID: 7), claim(.fileManager, user: 8, administrator: true), false),
            (AgentStreamCredential(userID: 7), claim(token: 3), true),
            (AgentStreamCredential(userID: 7), claim(user: 8, token: 3), false),
            (AgentStreamCredential(userID: 7), claim(user: 8, token: 3, administrator: true), true),
            (AgentStreamCredential(userID: 7), claim(.fileManager, token: 3), false),
            (AgentStreamCredential(userID: 7, tokenID: 3), claim(token: 3), true),
            (AgentStreamCredential(userID: 7, tokenID: 3), claim(token: 4), false),
            (AgentStreamCredential(userID: 7, tokenID: 3), claim(token: 4, administrator: true), false),
            (AgentStreamCredential(userID: 7, tokenID: 3), claim(user: 8, token: 3), false),
            (AgentStreamCredential(userID: 7, tokenID: 3), claim(), true),
            (AgentStreamCredential(userID: 7, tokenID: 3), claim(user: 8), false),
            (AgentStreamCredential(userID: 7, tokenID: 3), claim(user: 8, administrator: true), true),
        ])
    func credentials(owner: AgentStreamCredential, claim: AgentStreamClaim, admitted: Bool) {
        var machine = Machine(server: 1, purpose: .terminal, owner: owner)
        #expect(machine.admits(.claim(claim)) == admitted)
        #expect(machine.handle(.clientAttaches(.claim(claim))).contains(.acceptClient) == admitted)
        var opened = Machine(server: 1, purpose: .terminal)
        #expect(opened.handle(.clientAttaches(.claim(claim))) == [.refuseClient])
        _ = opened.handle(.agentAttaches(server: 1))
        #expect(opened.handle(.clientAttaches(.opener)) == [.acceptClient])
    }

    @Test("unbounded streams: the idle limit comes after four silent ticks, and data in either direction puts it off")
    func idle() throws {
        for state in [Machine.State.created, .agentAttached, .clientAttached, .open, .finished, .draining] {
            var machine = try Self.machine(in: state)
            for _ in 0..<3 { #expect(machine.handle(.idleTick) == []) }
            let expired = machine.handle(.idleTick)
            #expect(expired.contains(.failInbound(.streamExpired("the stream was idle for too long"))))
            #expect(expired.contains(.release))
            #expect(machine.state == .closed)
        }
        var machine = try Self.machine(in: .open)
        for event in [Machine.Event.clientSent, .agentSent(isEmpty: false), .clientSent] {
            for _ in 0..<3 { #expect(machine.handle(.idleTick) == []) }
            // A keep-alive says nothing.
            _ = machine.handle(.agentSent(isEmpty: true))
            _ = machine.handle(event)
        }
        for _ in 0..<3 { #expect(machine.handle(.idleTick) == []) }
        #expect(machine.handle(.idleTick) != [])
    }

    @Test(
        "unbounded streams: on every way through, the slots are released once, and not before the end",
        arguments: 0..<20)
    func releasedOnce(seed: Int) {
        var random = FuzzNumbers(seed: UInt64(seed))
        for _ in 0..<200 {
            var machine = Machine(server: 1, purpose: .terminal, owner: Self.owner)
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
