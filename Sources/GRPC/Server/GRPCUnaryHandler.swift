package import Transport

/// Answers a call of one message with one message, by a closure that may wait. The call's end cancels it.
///
/// With `admit` the client is looked at before its message is taken, and a guest's limits end with that.
package final class GRPCUnaryHandler<Caller: Sendable>: GRPCServerHandler {
    package typealias Answer = @Sendable (Caller, [UInt8]) async throws -> [UInt8]

    private let answer: Answer
    private var caller: Caller?
    private var message: [UInt8]?

    /// Answers whoever calls.
    package init(_ answer: @escaping @Sendable ([UInt8]) async throws -> [UInt8]) where Caller == Void {
        self.answer = { _, message in try await answer(message) }
        caller = ()
    }

    /// - Parameters:
    ///   - admit: throws the ``GRPCStatus`` that refuses the call; runs at once.
    ///   - owner: whose the connection is then.
    ///   - answer: throws the ``GRPCStatus`` that ends the call instead of an answer.
    package init(
        _ call: GRPCServerCall, on loop: isolated EventLoop, admit: @escaping @Sendable () async throws -> Caller,
        owner: @escaping (Caller) -> ConnectionOwner, answer: @escaping Answer
    ) {
        self.answer = answer
        call.holdMessages()
        call.run(on: loop, admit) { [self] caller in
            self.caller = caller
            call.credentialShown(of: owner(caller), on: loop)
            call.releaseMessages(on: loop)
        }
    }

    package func received(_ message: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop) {
        guard self.message == nil else {
            return call.finish(GRPCStatus(.internalError, "the call takes one message"), on: loop)
        }
        self.message = message
    }

    package func receivedEnd(in call: GRPCServerCall, on loop: isolated EventLoop) {
        guard let message, let caller else {
            return call.finish(GRPCStatus(.internalError, "the call takes one message"), on: loop)
        }
        self.message = []
        call.run(on: loop, { [answer] in try await answer(caller, message) }) { answer in
            call.send(answer, on: loop)
            call.finish(.ok, on: loop)
        }
    }

    package func closed(_ call: GRPCServerCall, on loop: isolated EventLoop) {}
}
