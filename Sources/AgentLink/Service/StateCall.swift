import GRPC
import Transport

/// A `ReportSystemState` call: one receipt for each state, at once. An agent sends the next only after it; one that
/// takes no receipts is held back by the call (`GRPCServerCall.holdsWhileFull`).
///
/// Ends when the agent half-closes, when its call is lost, and when the directory ends the stream.
final class StateCall: AgentCall {
    private static let receipt = GRPCFrame(Receipt(isProcessed: true).protobuf())

    private let session: AgentSession
    private let stream: StateStream

    init(of session: AgentSession) throws(GRPCStatus) {
        self.session = session
        do throws(AgentStreamEnd) {
            stream = try session.openStateStream()
        } catch {
            throw GRPCStatus(error)
        }
    }

    func begin(_ call: GRPCServerCall, on loop: isolated EventLoop) {
        call.sendInitialMetadata(on: loop)
        let call = LoopBound(call, on: loop)
        stream.ended.whenResolved { outcome in
            guard case .success(let end) = outcome else { return }
            call.loop.perform { loop in call.get(on: loop).finish(GRPCStatus(end), on: loop) }
        }
    }

    /// The hot path of the whole link: one decode, one store, one receipt.
    func received(_ message: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop) {
        do {
            try session.report(try HostState(protobuf: message), on: stream)
            call.send(Self.receipt, on: loop)
        } catch let error as ProtobufError {
            call.finish(GRPCStatus(error), on: loop)
        } catch let end as AgentStreamEnd {
            call.finish(GRPCStatus(end), on: loop)
        } catch {
            call.finish(GRPCStatus(error), on: loop)
        }
    }

    func receivedEnd(in call: GRPCServerCall, on loop: isolated EventLoop) {
        call.finish(.ok, on: loop)
    }

    func closed(_ call: GRPCServerCall, on loop: isolated EventLoop) {
        stream.ended.whenResolved(nil)
        session.closeStateStream(stream)
    }
}
