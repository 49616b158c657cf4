import GRPC
import Transport

/// What a call of an admitted agent does: one of the three lasting streams. On the call's loop.
protocol AgentCall: AnyObject {
    /// The agent was admitted; its messages come after this.
    func begin(_ call: GRPCServerCall, on loop: isolated EventLoop)
    func received(_ message: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop)
    func receivedEnd(in call: GRPCServerCall, on loop: isolated EventLoop)
    func writable(_ call: GRPCServerCall, on loop: isolated EventLoop)
    /// The last call, on every way out.
    func closed(_ call: GRPCServerCall, on loop: isolated EventLoop)
}

extension AgentCall {
    func writable(_ call: GRPCServerCall, on loop: isolated EventLoop) {}
}

/// Holds the messages of a call back until its agent was admitted, then hands them to what was made for it.
final class AdmittedCall: GRPCServerHandler {
    private var inner: (any AgentCall)?

    /// - Parameters:
    ///   - admit: throws the ``GRPCStatus`` of a refusal; cancelled when the call ends.
    ///   - make: throws the status of an agent that cannot be served now.
    init(
        _ call: GRPCServerCall, on loop: isolated EventLoop,
        admit: @escaping @Sendable () async throws -> AgentLinkService.Admitted,
        make: @escaping (AgentLinkService.Admitted) throws(GRPCStatus) -> any AgentCall
    ) {
        call.holdMessages()
        call.run(on: loop, admit) { [self] agent in
            call.credentialShown(of: agent.owner, on: loop)
            do throws(GRPCStatus) {
                let made = try make(agent)
                inner = made
                made.begin(call, on: loop)
                call.releaseMessages(on: loop)
            } catch {
                call.finish(error, on: loop)
            }
        }
    }

    func received(_ message: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop) {
        inner?.received(message, in: call, on: loop)
    }

    func receivedEnd(in call: GRPCServerCall, on loop: isolated EventLoop) {
        inner?.receivedEnd(in: call, on: loop)
    }

    func writable(_ call: GRPCServerCall, on loop: isolated EventLoop) {
        inner?.writable(call, on: loop)
    }

    func closed(_ call: GRPCServerCall, on loop: isolated EventLoop) {
        inner?.closed(call, on: loop)
        inner = nil
    }
}
