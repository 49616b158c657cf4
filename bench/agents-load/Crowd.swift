import Glibc
import Transport

/// All agents, on one event loop: opens them, has each report once a second, brings back those that were lost.
final class Crowd {
    struct Options {
        /// The gateway.
        var target: SocketAddress
        var secret: String
        var count: Int
        var openingAtOnce: Int
        /// Seconds.
        var reconnectDelay: Int
    }

    /// Each second is cut into so many parts, in each of which its share of the agents reports.
    private static let parts = 250

    let authority: String
    let host: Message
    /// The state of this round.
    private(set) var stateFrame: [UInt8] = []
    var tally = Tally()

    private let options: Options
    private var agents: [LoadAgent?]
    private var next = 0
    private var opening = 0
    private var reporting = 0
    private var ticks = 0
    private var began = ContinuousClock.now

    init(_ options: Options) {
        self.options = options
        authority = options.target.textWithPort
        agents = Array(repeating: nil, count: options.count)
        host = .host(bootTime: 1_700_000_000)
    }

    var secret: String { options.secret }

    /// Each agent comes from an address of its own, as in life; that also is why ports do not run out.
    static func address(of index: Int) -> String { "127.1.\(index >> 8).\(index & 255)" }

    static func uuid(of index: Int) -> String {
        let digits = String(index, radix: 16)
        return "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    func start(on loop: isolated EventLoop) {
        began = .now
        makeState(round: 0)
        openMore(on: loop)
        tick(on: loop)
        tell(on: loop)
    }

    // MARK: What agents tell

    func isReporting(_ agent: LoadAgent, on loop: isolated EventLoop) {
        reporting += 1
        opened(on: loop)
    }

    func lost(_ agent: LoadAgent, wasReporting: Bool, reason: String, on loop: isolated EventLoop) {
        guard agents[agent.index] === agent else { return }
        agents[agent.index] = nil
        if wasReporting { reporting -= 1 }
        missed(agent.index, wasReporting: wasReporting, reason: reason, on: loop)
    }

    private func missed(_ index: Int, wasReporting: Bool, reason: String, on loop: isolated EventLoop) {
        tally.lastReason = reason
        if wasReporting {
            tally.lost += 1
        } else {
            tally.refused += 1
            opening -= 1
        }
        _ = loop.schedule(after: UInt64(options.reconnectDelay) * 1000) { [self] in
            opening += 1
            connect(index, on: loop)
        }
        // Not at once: whoever was refused may be one of many in a row.
        loop.atEndOfTurn { [self] in openMore(on: loop) }
    }

    // MARK: Opening

    /// The first opening keeps to a number at once; whoever was lost comes back when its time has come, as in life.
    private func openMore(on loop: isolated EventLoop) {
        while opening < options.openingAtOnce, next < options.count {
            opening += 1
            next += 1
            connect(next - 1, on: loop)
        }
    }

    private func opened(on loop: isolated EventLoop) {
        opening -= 1
        openMore(on: loop)
    }

    private func connect(_ index: Int, on loop: isolated EventLoop) {
        guard let source = SocketAddress(Self.address(of: index), port: 0),
            let descriptor = dial(options.target, from: source)
        else {
            return missed(index, wasReporting: false, reason: "\(SystemError(code: errno))", on: loop)
        }
        let agent = LoadAgent(index: index, crowd: self)
        agents[index] = agent
        TCPConnection(descriptor, on: loop) { transport in
            agent.transport = transport
            return agent
        }
        agent.introduce(on: loop)
    }

    // MARK: Rounds

    private func makeState(round: Int) {
        stateFrame.removeAll(keepingCapacity: true)
        stateFrame.write(message: .state(round: UInt64(round)), stream: LoadAgent.Stream.states)
    }

    /// Catches up when the machine was too busy, so that every agent has its turn in every second.
    private func tick(on loop: isolated EventLoop) {
        let due = (ContinuousClock.now - began).milliseconds * Self.parts / 1000
        while ticks < due {
            ticks += 1
            let part = ticks % Self.parts
            if part == 0 { makeState(round: ticks / Self.parts) }
            for index in stride(from: part, to: options.count, by: Self.parts) {
                agents[index]?.report(stateFrame, on: loop)
            }
        }
        let next = (ticks + 1) * 1000 / Self.parts
        let wait = max(1, next - (ContinuousClock.now - began).milliseconds)
        _ = loop.schedule(after: UInt64(wait)) { [self] in tick(on: loop) }
    }

    private func tell(on loop: isolated EventLoop) {
        let line = Array((tally.line(opened: next, reporting: reporting) + "\n").utf8)
        // Less than a pipe takes at once; nobody who listens has gone before our standard input ended.
        _ = unsafe line.withUnsafeBytes { unsafe write(STDOUT_FILENO, $0.baseAddress!, $0.count) }
        _ = loop.schedule(after: 1000) { [self] in tell(on: loop) }
    }
}

extension Duration {
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }

    var microseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000)
    }
}
