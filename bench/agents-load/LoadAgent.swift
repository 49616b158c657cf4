import NIOCore

/// One agent on one connection: HTTP/2 by hand, and what an agent says over it (`agent-link.md` 1): host report, task
/// stream, state stream, the host again, its address, then a state whenever ``report(_:)`` is called.
///
/// Everything about it happens on the crowd's event loop.
final class LoadAgent: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The streams in the order in which every agent opens them.
    enum Stream {
        static let host: UInt32 = 1
        static let tasks: UInt32 = 3
        static let states: UInt32 = 5
        static let hostAgain: UInt32 = 7
        static let geoIP: UInt32 = 9
    }

    enum Phase {
        case connecting
        case introducing
        /// The long-lived streams are open; the first receipt has not come.
        case attaching
        case reporting
        case lost
    }

    private static let preface = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    private static let execOutcome = #"{"exit_code":0,"stdout":"","stderr":"","duration_ms":1}"#
    /// What may be sent on a stream of the gateway's before it grants more.
    private static let initialWindow = 65_535

    let index: Int
    private let crowd: Crowd
    private var headers = HeaderBlockWriter()
    private(set) var phase = Phase.connecting
    private var context: ChannelHandlerContext?
    private var inbound = ByteBuffer()
    private var taskBytes = ByteBuffer()
    private var receiptBytes = ByteBuffer()
    private var windows: [UInt32: Int] = [:]
    private var initialStreamWindow = LoadAgent.initialWindow
    private var unacknowledged: [UInt32: Int] = [:]
    private var stateSent: NIODeadline?

    init(index: Int, crowd: Crowd) {
        self.index = index
        self.crowd = crowd
    }

    // MARK: What the crowd asks for

    /// Sends a state, unless the receipt of the last one is still awaited.
    /// - Parameter frame: the same for all agents of a round.
    func report(_ frame: ByteBuffer) {
        guard phase == .reporting, let context else { return }
        guard stateSent == nil else { return crowd.tally.lateStates += 1 }
        sendState(frame, context)
    }

    // MARK: Channel

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        phase = .introducing
        var bytes = Self.preface
        bytes.writeFrame(.settings, stream: 0, ByteBuffer())
        write(call: "ReportSystemInfo2", Stream.host, crowd.host, into: &bytes)
        send(bytes, context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        inbound.writeBuffer(&bytes)
        while let frame = inbound.readFrame() { handle(frame, context) }
        inbound.discardReadBytes()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end("the connection was closed", context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end("\(error)", context)
    }

    private func end(_ reason: String, _ context: ChannelHandlerContext) {
        guard phase != .lost else { return }
        let wasReporting = phase == .reporting
        phase = .lost
        self.context = nil
        context.close(promise: nil)
        crowd.lost(self, wasReporting: wasReporting, reason: reason)
    }

    // MARK: Frames

    private func handle(_ frame: Frame, _ context: ChannelHandlerContext) {
        switch frame.type {
        case .settings where frame.flags & Frame.ack == 0:
            take(settings: frame.payload)
            answer(.settings, ByteBuffer(), context)
        case .ping where frame.flags & Frame.ack == 0: answer(.ping, frame.payload, context)
        case .windowUpdate:
            let grant = frame.payload.getInteger(at: frame.payload.readerIndex, as: UInt32.self) ?? 0
            windows[frame.stream, default: window(frame.stream)] += Int(grant)
        case .data: handle(data: frame, context)
        case .headers where frame.flags & Frame.endStream != 0: streamEnded(frame.stream, context)
        case .reset: end("the gateway reset stream \(frame.stream)", context)
        case .goAway: end("the gateway said goodbye", context)
        default: break
        }
    }

    private func handle(data frame: Frame, _ context: ChannelHandlerContext) {
        var payload = frame.payload
        credit(payload.readableBytes, frame.stream, context)
        switch frame.stream {
        case Stream.host: open(context)
        case Stream.tasks:
            taskBytes.writeBuffer(&payload)
            while let message = taskBytes.readMessage() { answer(task: message, context) }
            taskBytes.discardReadBytes()
        case Stream.states:
            receiptBytes.writeBuffer(&payload)
            while receiptBytes.readMessage() != nil { receiptCame(context) }
            receiptBytes.discardReadBytes()
        default: crowd.tally.answers += 1
        }
    }

    private func take(settings: ByteBuffer) {
        var rest = settings
        while let (id, value) = rest.readMultipleIntegers(as: (UInt16, UInt32).self) {
            guard id == 4 else { continue }
            // It changes what streams have left, not what they were given first.
            for stream in windows.keys where stream != 0 { windows[stream]? += Int(value) - initialStreamWindow }
            initialStreamWindow = Int(value)
        }
    }

    /// Gives the gateway back what it may send, in rare and large steps as clients do.
    private func credit(_ count: Int, _ stream: UInt32, _ context: ChannelHandlerContext) {
        for id in [0, stream] {
            unacknowledged[id, default: 0] += count
            guard let owed = unacknowledged[id], owed > Self.initialWindow / 4 else { continue }
            unacknowledged[id] = 0
            var bytes = ByteBuffer()
            bytes.writeFrame(.windowUpdate, stream: id, ByteBuffer(integer: UInt32(owed)))
            context.write(wrapOutboundOut(bytes), promise: nil)
        }
    }

    private func answer(_ type: FrameType, _ payload: ByteBuffer, _ context: ChannelHandlerContext) {
        var bytes = ByteBuffer()
        bytes.writeFrame(type, flags: Frame.ack, stream: 0, payload)
        context.write(wrapOutboundOut(bytes), promise: nil)
    }

    private func streamEnded(_ stream: UInt32, _ context: ChannelHandlerContext) {
        switch stream {
        case Stream.tasks, Stream.states: end("the gateway ended stream \(stream)", context)
        case Stream.host where phase == .introducing: end("the host report was refused", context)
        default: break
        }
    }

    // MARK: Calls

    private func open(_ context: ChannelHandlerContext) {
        guard phase == .introducing else { return }
        phase = .attaching
        var bytes = ByteBuffer()
        write(call: "RequestTask", Stream.tasks, into: &bytes)
        write(call: "ReportSystemState", Stream.states, into: &bytes)
        context.write(wrapOutboundOut(bytes), promise: nil)
        sendState(crowd.stateFrame, context)
    }

    private func receiptCame(_ context: ChannelHandlerContext) {
        crowd.tally.receipt(since: stateSent)
        stateSent = nil
        guard phase == .attaching else { return }
        phase = .reporting
        var bytes = ByteBuffer()
        write(call: "ReportSystemInfo2", Stream.hostAgain, crowd.host, into: &bytes)
        write(call: "ReportGeoIP", Stream.geoIP, .geoIP(Crowd.address(of: index)), into: &bytes)
        context.write(wrapOutboundOut(bytes), promise: nil)
        crowd.isReporting(self)
    }

    private func answer(task bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        guard let task = AgentTask(bytes) else { return end("a task is unreadable", context) }
        var answer = ByteBuffer()
        switch task.type {
        case 7:
            crowd.tally.keepalives += 1
            answer.writeMessage(.result(of: task, data: nil), stream: Stream.tasks)
        case 15:
            crowd.tally.commands += 1
            answer.writeMessage(.result(of: task, data: Self.execOutcome), stream: Stream.tasks)
        default: return
        }
        spend(answer.readableBytes - 9, Stream.tasks)
        context.write(wrapOutboundOut(answer), promise: nil)
    }

    private func sendState(_ frame: ByteBuffer, _ context: ChannelHandlerContext) {
        let cost = frame.readableBytes - 9
        guard window(0) >= cost, window(Stream.states) >= cost else { return crowd.tally.heldBack += 1 }
        spend(cost, Stream.states)
        stateSent = .now()
        crowd.tally.states += 1
        send(frame, context)
    }

    private func window(_ stream: UInt32) -> Int {
        windows[stream] ?? (stream == 0 ? Self.initialWindow : initialStreamWindow)
    }

    private func spend(_ count: Int, _ stream: UInt32) {
        for id in [0, stream] { windows[id, default: window(id)] -= count }
    }

    /// - Parameter message: of a unary call, which ends the client's side; `nil` leaves a stream open.
    private func write(call name: String, _ stream: UInt32, _ message: Message? = nil, into bytes: inout ByteBuffer) {
        let fields: [(name: String, value: String)] = [
            (":method", "POST"), (":scheme", "http"), (":path", "/proto.NezhaService/\(name)"),
            (":authority", crowd.authority), ("content-type", "application/grpc"), ("te", "trailers"),
            ("user-agent", "agents-load"), ("client_secret", crowd.secret), ("client_uuid", Crowd.uuid(of: index)),
            ("client-secret", crowd.secret), ("client-uuid", Crowd.uuid(of: index)),
        ]
        bytes.writeFrame(.headers, flags: Frame.endHeaders, stream: stream, headers.block(fields))
        guard let message else { return }
        spend(message.bytes.readableBytes + 5, 0)
        bytes.writeMessage(message, stream: stream, endStream: true)
    }

    private func send(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }
}
