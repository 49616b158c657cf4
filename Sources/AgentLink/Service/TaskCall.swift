import GRPC
import HTTP
import Primitives
import Transport

/// A `RequestTask` call: tasks out, results in. The queue of tasks is bounded by the directory; results are handled one
/// by one as they come.
///
/// Ends when the agent half-closes, when its call is lost, when the directory ends the stream, and when the agent leaves
/// what was sent to it unread for too long.
final class TaskCall: AgentCall {
    private static let keepalive = AgentTask(id: 0, type: .keepalive, data: "").protobuf()

    private let session: AgentSession
    private let directory: AgentDirectory
    private let stream: TaskStream
    private var keepaliveTimer: EventLoop.Timer?
    /// Runs while the agent takes nothing.
    private var stallTimer: EventLoop.Timer?

    init(of session: AgentSession, _ extensions: AgentExtensions, in directory: AgentDirectory) throws(GRPCStatus) {
        self.session = session
        self.directory = directory
        do throws(AgentStreamEnd) {
            stream = try session.openTaskStream(extensions)
        } catch {
            throw GRPCStatus(error)
        }
    }

    /// The initial metadata goes at once, so that an agent that knows extensions need not wait for its first task
    /// (`agent-link-details.md` 6).
    func begin(_ call: GRPCServerCall, on loop: isolated EventLoop) {
        call.holdsWhileFull = false
        var metadata = HTTPFields()
        if !stream.extensions.isEmpty { metadata[.extensions] = stream.extensions.header }
        call.sendInitialMetadata(metadata, on: loop)
        let bound = LoopBound((self, call), on: loop)
        stream.outbox.whenAvailable {
            bound.loop.perform { loop in
                let (me, call) = bound.get(on: loop)
                me.pump(call, on: loop)
            }
        }
        pump(call, on: loop)
        let every = directory.configuration.taskKeepalive
        scheduleKeepalive(after: KeepaliveRhythm.first(server: stream.serverID, every: every), call, on: loop)
    }

    func received(_ message: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop) {
        do {
            let result = try AgentTaskResult(protobuf: message)
            try directory.checkSize(result.reply.data.utf8.count, server: stream.serverID)
            directory.receive(result, on: stream)
        } catch let error as ProtobufError {
            call.finish(GRPCStatus(error), on: loop)
        } catch let error as OversizeMessage {
            call.finish(GRPCStatus(error), on: loop)
        } catch {
            call.finish(GRPCStatus(error), on: loop)
        }
    }

    func receivedEnd(in call: GRPCServerCall, on loop: isolated EventLoop) {
        call.finish(.ok, on: loop)
    }

    func writable(_ call: GRPCServerCall, on loop: isolated EventLoop) {
        if let stallTimer { loop.cancel(stallTimer) }
        stallTimer = nil
        pump(call, on: loop)
    }

    func closed(_ call: GRPCServerCall, on loop: isolated EventLoop) {
        for timer in [keepaliveTimer, stallTimer] { if let timer { loop.cancel(timer) } }
        (keepaliveTimer, stallTimer) = (nil, nil)
        stream.outbox.whenAvailable(nil)
        session.closeTaskStream(stream)
    }

    /// Sends what is queued, for as long as the agent takes it.
    private func pump(_ call: GRPCServerCall, on loop: isolated EventLoop) {
        while true {
            switch stream.outbox.take(heldBack: stallTimer != nil) {
            case .element(let task): send(task.protobuf(), in: call, on: loop)
            case .empty, .heldBack: return
            case .ended(let error):
                return call.finish(GRPCStatus(error as? AgentStreamEnd ?? .disconnected), on: loop)
            }
        }
    }

    private func send(_ task: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop) {
        call.send(task, on: loop)
        guard !call.isWritable else { return }
        stallTimer = loop.schedule(after: directory.configuration.sendTimeout.timerMilliseconds) { [self] in
            stallTimer = nil
            call.finish(GRPCStatus(AgentStreamEnd.stalled), on: loop)
        }
    }

    private func scheduleKeepalive(after pause: Duration, _ call: GRPCServerCall, on loop: isolated EventLoop) {
        keepaliveTimer = loop.schedule(after: pause.timerMilliseconds) { [self] in
            // An agent that is not taking what it has been sent has more to read than a keep-alive.
            if stallTimer == nil { send(Self.keepalive, in: call, on: loop) }
            scheduleKeepalive(after: directory.configuration.taskKeepalive, call, on: loop)
        }
    }
}
