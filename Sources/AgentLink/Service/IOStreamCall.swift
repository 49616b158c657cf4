import GRPC
import Primitives
import Transport

/// An `IOStream` call: joins an agent to the stream that its first frame names.
///
/// Ends, with OK, as soon as either side has ended the stream (`agent-link-details.md` 3), and when the call is lost. Both
/// directions are bounded by the session's mailboxes: while the user does not read, the agent's frames wait in its
/// window, and while the agent does not, the user's side waits for room.
final class IOStreamCall: AgentCall {
    private let server: Int64
    private let directory: AgentDirectory
    /// `nil` until the agent has named it.
    private var session: IOStreamSession?
    /// Resolved by the session when this call is to end.
    private let end = Promise<IOStreamSession.AgentEnd>()
    private var firstFrameTimer: EventLoop.Timer?
    private var keepaliveTimer: EventLoop.Timer?
    private var lingerTimer: EventLoop.Timer?
    /// The call takes no more for now; it tells when it does.
    private var isFull = false
    private var isClosed = false

    init(of server: Int64, in directory: AgentDirectory) {
        self.server = server
        self.directory = directory
    }

    private var configuration: AgentLinkConfiguration { directory.configuration }

    func begin(_ call: GRPCServerCall, on loop: isolated EventLoop) {
        call.holdsWhileFull = false
        call.sendInitialMetadata(on: loop)
        firstFrameTimer = loop.schedule(after: configuration.firstFrameTimeout.timerMilliseconds) { [self] in
            firstFrameTimer = nil
            refuse(.invalidID, call, on: loop)
        }
    }

    // MARK: From the agent

    func received(_ message: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop) {
        do {
            let frame = try IOStreamFrame(protobuf: message).frame
            try directory.checkSize(frame.count, server: server)
            if let session {
                deliver(frame, to: session, call, on: loop)
            } else {
                try attach(frame, call, on: loop)
            }
        } catch let refusal as IOStreamRefusal {
            refuse(refusal, call, on: loop)
        } catch let error as OversizeMessage {
            fail(GRPCStatus(error), call, on: loop)
        } catch let error as ProtobufError {
            fail(GRPCStatus(error), call, on: loop)
        } catch {
            fail(GRPCStatus(error), call, on: loop)
        }
    }

    private func deliver(
        _ frame: [UInt8], to session: IOStreamSession, _ call: GRPCServerCall, on loop: isolated EventLoop
    ) {
        switch session.agentSent(frame) {
        case .taken: break
        case .full: call.holdMessages()
        case .ended: call.finish(.ok, on: loop)
        }
    }

    private func attach(_ frame: [UInt8], _ call: GRPCServerCall, on loop: isolated EventLoop) throws {
        guard let id = StreamAttachFrame.streamID(in: frame) else { throw IOStreamRefusal.invalidID }
        let session = try directory.attach(streamID: id, server: server, end: end)
        self.session = session
        if let firstFrameTimer { loop.cancel(firstFrameTimer) }
        firstFrameTimer = nil
        let bound = LoopBound((self, call), on: loop)
        session.whenReaderCaughtUp {
            bound.loop.perform { loop in bound.get(on: loop).1.releaseMessages(on: loop) }
        }
        session.outbound.whenAvailable {
            bound.loop.perform { loop in
                let (me, call) = bound.get(on: loop)
                me.pump(call, on: loop)
            }
        }
        end.whenResolved { outcome in
            guard case .success(.afterDraining) = outcome else { return }
            bound.loop.perform { loop in bound.get(on: loop).0.startLinger(on: loop) }
        }
        scheduleKeepalive(session, on: loop)
        pump(call, on: loop)
    }

    func receivedEnd(in call: GRPCServerCall, on loop: isolated EventLoop) {
        guard let session else { return refuse(.invalidID, call, on: loop) }
        session.handle(.agentEnded)
        call.finish(.ok, on: loop)
    }

    // MARK: To the agent

    func writable(_ call: GRPCServerCall, on loop: isolated EventLoop) {
        isFull = false
        pump(call, on: loop)
    }

    /// Sends what the user's side has sent, for as long as the agent takes it.
    private func pump(_ call: GRPCServerCall, on loop: isolated EventLoop) {
        guard let session else { return }
        while !isClosed {
            switch session.outbound.take(heldBack: isFull) {
            case .element(let frame):
                call.send(frame, after: IOStreamFrame.head(of: frame.count), on: loop)
                isFull = !call.isWritable
            case .empty, .heldBack: return
            // However it ended, the user's side has said all that the agent is to hear.
            case .ended: call.finish(.ok, on: loop)
            }
        }
    }

    // MARK: Times and ends

    private func scheduleKeepalive(_ session: IOStreamSession, on loop: isolated EventLoop) {
        keepaliveTimer = loop.schedule(after: configuration.streamKeepalive.timerMilliseconds) { [self] in
            session.handle(.keepaliveDue)
            scheduleKeepalive(session, on: loop)
        }
    }

    /// The user has gone, and what they sent is still on its way: an agent that does not take it is not waited for.
    private func startLinger(on loop: isolated EventLoop) {
        guard !isClosed, let session else { return }
        lingerTimer = loop.schedule(after: configuration.linger.timerMilliseconds) { [self] in
            lingerTimer = nil
            session.handle(.lingerDeadline)
        }
    }

    private func refuse(_ refusal: IOStreamRefusal, _ call: GRPCServerCall, on loop: isolated EventLoop) {
        directory.refused(refusal, server: server)
        call.finish(GRPCStatus(refusal), on: loop)
    }

    private func fail(_ status: GRPCStatus, _ call: GRPCServerCall, on loop: isolated EventLoop) {
        session?.handle(.agentFailed)
        call.finish(status, on: loop)
    }

    func closed(_ call: GRPCServerCall, on loop: isolated EventLoop) {
        isClosed = true
        for timer in [firstFrameTimer, keepaliveTimer, lingerTimer] { if let timer { loop.cancel(timer) } }
        guard let session else { return }
        session.whenReaderCaughtUp(nil)
        session.outbound.whenAvailable(nil)
        end.whenResolved(nil)
        if call.isCancelled { session.handle(.agentFailed) }
        // Changes nothing after an end that was handled already.
        session.handle(.rpcEnded)
    }
}
