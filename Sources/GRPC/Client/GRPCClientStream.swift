package import HTTP
import Transport

/// One call of a ``GRPCClient``, streaming both ways; it may be used from several tasks at once. Cancelling a task that
/// waits for one of its functions cancels the whole call.
package struct GRPCClientStream: Sendable {
    private let call: LoopBound<GRPCClientCall>

    init(_ call: GRPCClientCall, on loop: isolated EventLoop) {
        self.call = LoopBound(call, on: loop)
    }

    /// Sends a message, its short `head` and the rest of it, once the gateway's windows have taken most of the ones before.
    /// - Throws: the status of a call that has ended, `cancelled` when it ended well.
    package func send(_ message: [UInt8], after head: [UInt8] = []) async throws(GRPCStatus) {
        try await perform { (call, waiter: Waiter<Void>, loop) in call.send(head, message, waiter, on: loop) }
    }

    /// Ends this side of the call: the last message was sent.
    package func finish() async {
        await call.loop.run { loop in call.get(on: loop).finish(on: loop) }
    }

    /// The fields that begin the answer, as soon as they are there.
    /// - Throws: the status of a call that was refused before its answer began.
    package func initialMetadata() async throws(GRPCStatus) -> HTTPFields {
        try await perform { (call, waiter: Waiter<HTTPFields>, loop) in call.initialMetadata(waiter, on: loop) }
    }

    /// The next message; nil after the last of a call that ended well. What was not asked for waits at the sender, once
    /// the window is full.
    /// - Throws: the status of a call that did not end well.
    package func next() async throws(GRPCStatus) -> [UInt8]? {
        try await perform { (call, waiter: Waiter<[UInt8]?>, loop) in call.next(waiter, on: loop) }
    }

    /// Resets a call that has not ended.
    package func cancel() {
        let call = call
        Task(executorPreference: call.loop.executor) { await Self.cancel(call, on: call.loop) }
    }

    private static func cancel(_ call: LoopBound<GRPCClientCall>, on loop: isolated EventLoop) {
        call.get(on: loop).cancel(GRPCStatus(.cancelled, "the call was cancelled"), on: loop)
    }

    typealias Waiter<Success> = CheckedContinuation<Result<Success, GRPCStatus>, Never>

    private func perform<Success: Sendable>(
        _ body: @Sendable (GRPCClientCall, Waiter<Success>, isolated EventLoop) -> Void
    ) async throws(GRPCStatus) -> Success {
        try await Self.perform(call, on: call.loop, body).get()
    }

    private static func perform<Success: Sendable>(
        _ bound: LoopBound<GRPCClientCall>, on loop: isolated EventLoop,
        _ body: @Sendable (GRPCClientCall, Waiter<Success>, isolated EventLoop) -> Void
    ) async -> Result<Success, GRPCStatus> {
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in body(bound.get(on: loop), waiter, loop) }
        } onCancel: {
            Task(executorPreference: loop.executor) { await cancel(bound, on: loop) }
        }
    }
}
