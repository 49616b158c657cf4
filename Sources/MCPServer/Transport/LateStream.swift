import HTTP
import JSON

/// The answer to a call that nobody hears of meanwhile: JSON where it comes soon, else an event stream whose comments
/// show proxies and clients that it is on its way.
struct LateStream: Sendable {
    /// Less than the 5 s after which the most impatient proxies give up a silent answer.
    static let patience = Duration.milliseconds(4500)

    var patience = Self.patience

    /// Starts the work. It ends when the surrounding task is cancelled, later when the stream is.
    /// - Parameter answer: does the work and returns the response, or `nil` where none is wanted any more.
    func response(_ answer: @escaping @Sendable () async -> [UInt8]?) async -> OutboundResponse {
        let (late, alarm) = AsyncStream.makeStream(of: Void.self)
        let running = Task.immediate {
            defer { alarm.finish() }
            return await answer()
        }
        let waiting = Task {
            try await Task.sleep(for: patience)
            alarm.yield()
        }
        let isLate = await withTaskCancellationHandler {
            await late.first { _ in true } != nil
        } onCancel: {
            running.cancel()
        }
        waiting.cancel()
        guard isLate else { return MCPEndpoint.answer(await running.value) }
        return stream(of: running)
    }

    /// From here on the work belongs to the body, which is always written.
    private func stream(of running: Task<[UInt8]?, Never>) -> OutboundResponse {
        let whole = EventStream(progressToken: .null).response { _ in
            await withTaskCancellationHandler {
                await running.value
            } onCancel: {
                running.cancel()
            }
        }
        guard case .stream(let length, let produce) = whole.body else { return whole }
        return OutboundResponse(
            head: whole.head,
            body: .stream(length: length) { write in
                // A client that has left is noticed by the first write, before anybody waits for the work.
                defer { running.cancel() }
                try await produce(write)
            })
    }
}
