import Foundation
import NIOCore
import NIOPosix

/// All agents, on one event loop: opens them, has each report once a second, brings back those that were lost.
final class Crowd {
    /// Each second is cut into so many parts, in each of which its share of the agents reports.
    private static let parts = 250

    let secret: String
    let authority: String
    let host: Message
    /// The state of this round.
    private(set) var stateFrame = ByteBuffer()
    var tally = Tally()

    private let loop: any EventLoop
    private let target: SocketAddress
    private let count: Int
    private let openingAtOnce: Int
    private let reconnectDelay: TimeAmount
    private var agents: [LoadAgent?]
    private var next = 0
    private var opening = 0
    private var reporting = 0
    private var ticks = 0
    private var began = NIODeadline.now()

    init(loop: any EventLoop, target: SocketAddress, authority: String, options: Options) {
        self.loop = loop
        self.target = target
        self.authority = authority
        secret = options.secret
        count = options.count
        openingAtOnce = options.openingAtOnce
        reconnectDelay = .seconds(options.reconnectDelay)
        agents = Array(repeating: nil, count: options.count)
        host = .host(bootTime: 1_700_000_000)
    }

    /// Each agent comes from an address of its own, as in life; that also is why ports do not run out.
    static func address(of index: Int) -> String { "127.1.\(index >> 8).\(index & 255)" }

    static func uuid(of index: Int) -> String {
        let digits = String(index, radix: 16)
        return "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    func start() {
        began = .now()
        makeState(round: 0)
        openMore()
        tick()
        tell()
    }

    // MARK: What agents tell

    func isReporting(_ agent: LoadAgent) {
        reporting += 1
        opened()
    }

    func lost(_ agent: LoadAgent, wasReporting: Bool, reason: String) {
        guard agents[agent.index] === agent else { return }
        agents[agent.index] = nil
        tally.lastReason = reason
        if wasReporting {
            reporting -= 1
            tally.lost += 1
        } else {
            tally.refused += 1
            opened()
        }
        comeBack(agent.index)
    }

    private func comeBack(_ index: Int) {
        let crowd = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: reconnectDelay) {
            crowd.value.opening += 1
            crowd.value.connect(index)
        }
    }

    // MARK: Opening

    /// The first opening keeps to a number at once; whoever was lost comes back when his time has come, as in life.
    private func openMore() {
        while opening < openingAtOnce, next < count {
            opening += 1
            connect(next)
            next += 1
        }
    }

    private func opened() {
        opening -= 1
        openMore()
    }

    private func connect(_ index: Int) {
        let crowd = NIOLoopBound(self, eventLoop: loop)
        let target = target
        do {
            let source = try SocketAddress(ipAddress: Self.address(of: index), port: 0)
            ClientBootstrap(group: loop)
                .bind(to: source)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connectTimeout(.seconds(60))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let agent = LoadAgent(index: index, crowd: crowd.value)
                        crowd.value.agents[index] = agent
                        try channel.pipeline.syncOperations.addHandler(agent)
                    }
                }
                .connect(to: target)
                .whenFailure { error in crowd.value.notConnected(index, error) }
        } catch {
            notConnected(index, error)
        }
    }

    private func notConnected(_ index: Int, _ error: any Error) {
        // An agent that got as far as a channel may have told already.
        guard let agent = agents[index] else { return }
        lost(agent, wasReporting: false, reason: "\(error)")
    }

    // MARK: Rounds

    private func makeState(round: Int) {
        stateFrame.clear()
        stateFrame.writeMessage(.state(round: UInt64(round)), stream: LoadAgent.Stream.states)
    }

    /// Catches up when the machine was too busy, so that every agent has its turn in every second.
    private func tick() {
        let due = Int((NIODeadline.now() - began).nanoseconds / 1_000_000) * Self.parts / 1000
        while ticks < due {
            ticks += 1
            let part = ticks % Self.parts
            if part == 0 { makeState(round: ticks / Self.parts) }
            for index in stride(from: part, to: count, by: Self.parts) { agents[index]?.report(stateFrame) }
        }
        let crowd = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(deadline: began + .milliseconds(Int64(ticks + 1) * 1000 / Int64(Self.parts))) {
            crowd.value.tick()
        }
    }

    private func tell() {
        FileHandle.standardOutput.write(Data((tally.line(opened: next, reporting: reporting) + "\n").utf8))
        let crowd = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .seconds(1)) { crowd.value.tell() }
    }
}
