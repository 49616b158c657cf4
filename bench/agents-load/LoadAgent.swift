import Transport

/// One agent on one connection: HTTP/2 by hand, and what an agent says over it (`agent-link.md` 1): host report, task
/// stream, state stream, the host again, its address, then a state whenever ``report(_:on:)`` is called.
///
/// Everything about it happens on the crowd's event loop.
final class LoadAgent: ByteProtocol {
    /// The streams in the order in which every agent opens them.
    enum Stream {
        static let host: UInt32 = 1
        static let tasks: UInt32 = 3
        static let states: UInt32 = 5
        static let hostAgain: UInt32 = 7
        static let geoIP: UInt32 = 9
    }

    enum Phase {
        case introducing
        /// The long-lived streams are open; the first receipt has not come.
        case attaching
        case reporting
        case lost
    }

    /// A number for the connection and for each stream.
    private struct Ledger {
        private var numbers: [Int]

        init(_ number: Int) { numbers = Array(repeating: number, count: 6) }

        /// - Parameter stream: 0 is the connection; an agent opens five.
        subscript(stream: UInt32) -> Int {
            get { numbers[min(Int(stream + 1) / 2, 5)] }
            set { numbers[min(Int(stream + 1) / 2, 5)] = newValue }
        }

        mutating func addToStreams(_ number: Int) { for place in 1...5 { numbers[place] += number } }
    }

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private static let execOutcome = #"{"exit_code":0,"stdout":"","stderr":"","duration_ms":1}"#
    /// What may be sent on a stream of the gateway's before it grants more.
    private static let initialWindow = 65_535

    let index: Int
    var transport: (any ByteTransport)?
    private let crowd: Crowd
    private var headers = HeaderBlockWriter()
    private var phase = Phase.introducing
    private var inbound: [UInt8] = []
    /// What the frames of one read are answered with.
    private var outbound: [UInt8] = []
    private var taskBytes: [UInt8] = []
    private var receiptBytes: [UInt8] = []
    private var windows = Ledger(LoadAgent.initialWindow)
    private var initialStreamWindow = LoadAgent.initialWindow
    private var unacknowledged = Ledger(0)
    private var stateSent: ContinuousClock.Instant?

    init(index: Int, crowd: Crowd) {
        self.index = index
        self.crowd = crowd
    }

    // MARK: What the crowd asks for

    /// Says the first words, as soon as there is a connection.
    func introduce(on loop: isolated EventLoop) {
        outbound = Self.preface
        outbound.write(frame: .settings, stream: 0, [])
        call("ReportSystemInfo2", Stream.host, crowd.host)
        flush(on: loop)
    }

    /// Sends a state, unless the receipt of the last one is still awaited.
    /// - Parameter frame: the same for all agents of a round.
    func report(_ frame: [UInt8], on loop: isolated EventLoop) {
        guard phase == .reporting else { return }
        guard stateSent == nil else { return crowd.tally.lateStates += 1 }
        guard paysForState(frame) else { return }
        transport?.send(frame, on: loop)
    }

    // MARK: ByteProtocol

    func received(_ bytes: Span<UInt8>, on loop: isolated EventLoop) {
        inbound.append(bytes)
        var start = 0
        while phase != .lost, let frame = inbound.frame(at: start) {
            start += Frame.headLength + frame.payload.count
            handle(frame, on: loop)
        }
        inbound.removeFirst(start)
        flush(on: loop)
    }

    func receivedEnd(on loop: isolated EventLoop) { end("the connection was closed", on: loop) }

    func writable(on loop: isolated EventLoop) {}

    func closed(on loop: isolated EventLoop) { end("the connection was closed", on: loop) }

    private func end(_ reason: String, on loop: isolated EventLoop) {
        guard phase != .lost else { return }
        let wasReporting = phase == .reporting
        phase = .lost
        let transport = transport
        self.transport = nil
        transport?.close(on: loop)
        crowd.lost(self, wasReporting: wasReporting, reason: reason, on: loop)
    }

    // MARK: Frames

    private func handle(_ frame: Frame, on loop: isolated EventLoop) {
        switch frame.type {
        case .settings where frame.flags & Frame.ack == 0:
            take(settings: frame.payload)
            outbound.write(frame: .settings, flags: Frame.ack, stream: 0, [])
        case .ping where frame.flags & Frame.ack == 0:
            outbound.write(frame: .ping, flags: Frame.ack, stream: 0, frame.payload)
        case .windowUpdate where frame.payload.count == 4:
            windows[frame.stream] += Int(frame.payload.number(at: frame.payload.startIndex))
        case .data: handle(data: frame, on: loop)
        case .headers where frame.flags & Frame.endStream != 0: streamEnded(frame.stream, on: loop)
        case .reset: end("the gateway reset stream \(frame.stream)", on: loop)
        case .goAway: end("the gateway said goodbye", on: loop)
        default: break
        }
    }

    private func handle(data frame: Frame, on loop: isolated EventLoop) {
        credit(frame.payload.count, frame.stream)
        switch frame.stream {
        case Stream.host: open()
        case Stream.tasks:
            taskBytes += frame.payload
            while let message = taskBytes.takeMessage() { answer(task: message, on: loop) }
        case Stream.states:
            receiptBytes += frame.payload
            while receiptBytes.takeMessage() != nil { receiptCame(on: loop) }
        default: crowd.tally.answers += 1
        }
    }

    private func take(settings: ArraySlice<UInt8>) {
        for start in stride(from: settings.startIndex, through: settings.endIndex - 6, by: 6) {
            guard settings[start] == 0, settings[start + 1] == 4 else { continue }
            let value = Int(settings.number(at: start + 2))
            // It changes what streams have left, not what they were given first.
            windows.addToStreams(value - initialStreamWindow)
            initialStreamWindow = value
        }
    }

    /// Gives the gateway back what it may send, in rare and large steps as clients do.
    private func credit(_ count: Int, _ stream: UInt32) {
        for id in [0, stream] {
            unacknowledged[id] += count
            let owed = unacknowledged[id]
            guard owed > Self.initialWindow / 4 else { continue }
            unacknowledged[id] = 0
            outbound.write(head: .windowUpdate, stream: id, length: 4)
            outbound.write(UInt32(owed))
        }
    }

    private func flush(on loop: isolated EventLoop) {
        guard !outbound.isEmpty else { return }
        transport?.send(outbound, on: loop)
        outbound = []
    }

    private func streamEnded(_ stream: UInt32, on loop: isolated EventLoop) {
        switch stream {
        case Stream.tasks, Stream.states: end("the gateway ended stream \(stream)", on: loop)
        case Stream.host where phase == .introducing: end("the host report was refused", on: loop)
        default: break
        }
    }

    // MARK: Calls

    private func open() {
        guard phase == .introducing else { return }
        phase = .attaching
        call("RequestTask", Stream.tasks)
        call("ReportSystemState", Stream.states)
        if paysForState(crowd.stateFrame) { outbound += crowd.stateFrame }
    }

    private func receiptCame(on loop: isolated EventLoop) {
        crowd.tally.receipt(since: stateSent)
        stateSent = nil
        guard phase == .attaching else { return }
        phase = .reporting
        call("ReportSystemInfo2", Stream.hostAgain, crowd.host)
        call("ReportGeoIP", Stream.geoIP, .geoIP(Crowd.address(of: index)))
        crowd.isReporting(self, on: loop)
    }

    private func answer(task bytes: [UInt8], on loop: isolated EventLoop) {
        guard let task = AgentTask(bytes) else { return end("a task is unreadable", on: loop) }
        let result: Message
        switch task.type {
        case 7:
            crowd.tally.keepalives += 1
            result = .result(of: task, data: nil)
        case 15:
            crowd.tally.commands += 1
            result = .result(of: task, data: Self.execOutcome)
        default: return
        }
        spend(result.bytes.count + 5, Stream.tasks)
        outbound.write(message: result, stream: Stream.tasks)
    }

    /// Whether a state may be sent now; its costs are booked.
    private func paysForState(_ frame: [UInt8]) -> Bool {
        let cost = frame.count - Frame.headLength
        guard windows[0] >= cost, windows[Stream.states] >= cost else {
            crowd.tally.heldBack += 1
            return false
        }
        spend(cost, Stream.states)
        stateSent = .now
        crowd.tally.states += 1
        return true
    }

    private func spend(_ count: Int, _ stream: UInt32) {
        for id in [0, stream] { windows[id] -= count }
    }

    /// - Parameter message: of a unary call, which ends the client's side; `nil` leaves a stream open.
    private func call(_ name: String, _ stream: UInt32, _ message: Message? = nil) {
        let fields: [(name: String, value: String)] = [
            (":method", "POST"), (":scheme", "http"), (":path", "/proto.NezhaService/\(name)"),
            (":authority", crowd.authority), ("content-type", "application/grpc"), ("te", "trailers"),
            ("user-agent", "agents-load"), ("client_secret", crowd.secret), ("client_uuid", Crowd.uuid(of: index)),
            ("client-secret", crowd.secret), ("client-uuid", Crowd.uuid(of: index)),
        ]
        outbound.write(frame: .headers, flags: Frame.endHeaders, stream: stream, headers.block(fields))
        guard let message else { return }
        spend(message.bytes.count + 5, stream)
        outbound.write(message: message, stream: stream, endStream: true)
    }
}
